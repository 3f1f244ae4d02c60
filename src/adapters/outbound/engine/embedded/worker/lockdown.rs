//! Puts up the walls around this process, one layer after another, each checked and reported.

use rustix::io::Result as SysResult;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid, UnshareFlags};

use super::super::walls::{NAMESPACES, Walls};

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

/// Of the stack: what the interpreter is told that it has, and more.
const STACK_BYTES: u64 = 8 << 20;

/// Most processor time of one worker, in seconds: beyond the longest call that can be configured.
const CPU_SECONDS: u64 = 600;

/// Where memory is short, the kernel shall end this process and its children rather than the host.
pub(super) fn yield_when_memory_is_short() {
    drop(std::fs::write("/proc/self/oom_score_adj", "500"));
}

/// Becomes a user that owns nothing, where this is root.
pub(super) fn leave_root(walls: &mut Walls) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let went = (|| {
        rustix::thread::set_thread_groups(&[])?;
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        // A process that changed its user may not be looked at, not even by itself, and the maps below could
        // not be written.
        rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)
    })();
    walls.note("unprivileged user", words(went));
}

/// Enters namespaces of its own. With `processes`, the next fork's child is the first process of its own.
pub(super) fn enter_namespaces(walls: &mut Walls, processes: bool) {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if processes {
        flags |= UnshareFlags::NEWPID;
    }
    let went = unshare(flags | UnshareFlags::NEWUSER).and_then(|()| {
        map_user("setgroups", "deny")?;
        map_user("uid_map", &format!("{NOBODY} {} 1", uid.as_raw()))?;
        map_user("gid_map", &format!("{NOBODY} {} 1", gid.as_raw()))
    });
    walls.note(NAMESPACES, words(went));
}

#[expect(unsafe_code, reason = "unsafe only where file tables are unshared, which isn't done here")]
fn unshare(flags: UnshareFlags) -> SysResult<()> {
    // SAFETY: `FILES` is not among the flags.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

fn map_user(file: &str, line: &str) -> SysResult<()> {
    std::fs::write(format!("/proc/self/{file}"), line)
        .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
}

/// Leaves every file behind: the root is an empty, read-only file system.
pub(super) fn empty_root(walls: &mut Walls) {
    if !walls.has(NAMESPACES) {
        return;
    }
    let went = (|| {
        let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private)?;
        let size = c"size=4k,nr_inodes=2,mode=555";
        rustix::mount::mount("tmpfs", "/tmp", "tmpfs", plain, size)?;
        rustix::process::chdir("/tmp")?;
        rustix::process::pivot_root(".", ".")?;
        rustix::mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::mount::mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | plain, "")?;
        rustix::process::chdir("/")
    })();
    walls.note("empty root", words(went));
}

/// Bounds what the process may use. `address_space` is in bytes.
pub(super) fn limit_resources(walls: &mut Walls, address_space: u64) {
    let went = [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Nofile, 256),
        (Resource::Stack, STACK_BYTES),
        (Resource::As, address_space),
        (Resource::Cpu, CPU_SECONDS),
    ]
    .into_iter()
    .try_for_each(|(resource, limit)| bound(resource, limit));
    walls.note("resource limits", words(went));
}

/// What only a worker can do without: processes and files of its own.
pub(super) fn limit_worker() -> SysResult<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Nproc, none)?;
    rustix::process::setrlimit(Resource::Nofile, none)
}

fn bound(resource: Resource, limit: u64) -> SysResult<()> {
    let allowed = rustix::process::getrlimit(resource).maximum;
    let limit = Some(allowed.map_or(limit, |allowed| limit.min(allowed)));
    rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })
}

/// Gives up every privilege, and the way back to any.
pub(super) fn drop_privileges(walls: &mut Walls) {
    let none = CapabilitySet::empty();
    let went = (|| {
        for capability in CapabilitySet::all().iter() {
            // A kernel that doesn't know a capability has none to give.
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) => {}
                Err(error) => return Err(error),
            }
        }
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, sets)
    })();
    walls.note("no capabilities", words(went));
    walls.note("no new privileges", words(rustix::thread::set_no_new_privs(true)));
    let went = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    walls.note("not traceable", words(went));
}

/// Denies every file, every port and every process outside, by the kernel's Landlock.
pub(super) fn landlock(walls: &mut Walls) {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset,
        RulesetAttr as _, RulesetError, RulesetStatus, Scope,
    };
    let abi = ABI::V6;
    let went = (|| -> Result<RulesetStatus, RulesetError> {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?;
        Ok(rules.create()?.restrict_self()?.ruleset)
    })();
    walls.note(
        "landlock",
        match went {
            Ok(RulesetStatus::NotEnforced) => Err("this kernel has none".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    );
}

fn words(went: SysResult<()>) -> Result<(), String> {
    went.map_err(|errno| std::io::Error::from(errno).to_string())
}
