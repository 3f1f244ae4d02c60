//! Which system calls a sandboxed process may make. Anything else kills it.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What grows a heap.
const HEAP: [i64; 5] =
    [libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise];

/// How a worker's heap is bounded, beside the interpreter's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heap {
    /// It was grown to its final size beforehand: every call for more memory is refused.
    Sealed,
    /// It may grow, by private memory without execute permission, up to the address space limit.
    Bounded,
}

/// The filters of one process, to be applied in this order.
pub(super) struct Filters(Vec<BpfProgram>);

impl Filters {
    /// For whoever's heap has its final size: every call for more memory is refused. Of two filters the kernel
    /// takes the stricter answer: no memory, or death for what is worse.
    pub(super) fn heap(heap: Heap) -> Result<Self, String> {
        if heap == Heap::Bounded {
            return Ok(Self(Vec::new()));
        }
        let refusal = SeccompAction::Errno(libc::ENOMEM.unsigned_abs());
        Ok(Self(vec![build(allow(&HEAP), SeccompAction::Allow, refusal)?]))
    }

    /// For a worker, which runs code: reading, writing, ending.
    pub(super) fn worker(clock_needs_a_call: bool) -> Result<Self, String> {
        let mut rules = allow(&[libc::SYS_read, libc::SYS_write, libc::SYS_exit_group]);
        if clock_needs_a_call {
            rules.extend(allow(&[libc::SYS_clock_gettime]));
            #[cfg(target_arch = "x86_64")]
            rules.extend(allow(&[libc::SYS_gettimeofday]));
        }
        rules.extend(growing_heap()?);
        Ok(Self(vec![build(rules, SeccompAction::KillProcess, SeccompAction::Allow)?]))
    }

    /// For the fork server, which never sees code: what forking, watching and locking down children takes.
    pub(super) fn fork_server() -> Result<Self, String> {
        let mut rules = allow(&[
            libc::SYS_clock_gettime,
            libc::SYS_clone,
            libc::SYS_close,
            libc::SYS_close_range,
            libc::SYS_exit_group,
            // The standard library looks whether a descriptor is open before it closes it, where it checks
            // itself.
            libc::SYS_fcntl,
            libc::SYS_futex,
            libc::SYS_getpid,
            libc::SYS_gettid,
            libc::SYS_pidfd_open,
            libc::SYS_pidfd_send_signal,
            libc::SYS_ppoll,
            libc::SYS_prctl,
            libc::SYS_prlimit64,
            libc::SYS_read,
            libc::SYS_recvmsg,
            libc::SYS_rseq,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_seccomp,
            libc::SYS_sendmsg,
            libc::SYS_set_robust_list,
            libc::SYS_waitid,
            libc::SYS_write,
        ]);
        #[cfg(target_arch = "x86_64")]
        rules.extend(allow(&[libc::SYS_gettimeofday, libc::SYS_poll]));
        rules.extend(growing_heap()?);
        Ok(Self(vec![build(rules, SeccompAction::KillProcess, SeccompAction::Allow)?]))
    }

    /// For the process that only waits for the fork server to end.
    pub(super) fn keeper() -> Result<Self, String> {
        let rules = allow(&[libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid]);
        Ok(Self(vec![build(rules, SeccompAction::KillProcess, SeccompAction::Allow)?]))
    }

    /// For a probe: everything but asking the kernel for the time.
    pub(super) fn clockless() -> Result<Self, String> {
        let mut rules = allow(&[libc::SYS_clock_gettime]);
        #[cfg(target_arch = "x86_64")]
        rules.extend(allow(&[libc::SYS_gettimeofday, libc::SYS_time]));
        Ok(Self(vec![build(rules, SeccompAction::Allow, SeccompAction::KillProcess)?]))
    }

    /// Puts them up for this process, for good.
    pub(super) fn apply(&self) -> Result<(), String> {
        self.0
            .iter()
            .try_for_each(|filter| seccompiler::apply_filter(filter))
            .map_err(|error| error.to_string())
    }
}

fn allow(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// Heap calls, `mmap` only for private anonymous memory that can't be executed.
fn growing_heap() -> Result<Rules, String> {
    let mut rules = allow(&HEAP);
    let masked = |argument, mask: i32, value: i32| {
        SeccompCondition::new(
            argument,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(u64::from(mask.unsigned_abs())),
            u64::from(value.unsigned_abs()),
        )
        .map_err(|error| error.to_string())
    };
    let private = masked(3, libc::MAP_ANONYMOUS | libc::MAP_SHARED, libc::MAP_ANONYMOUS)?;
    let rule = SeccompRule::new(vec![masked(2, libc::PROT_EXEC, 0)?, private])
        .map_err(|error| error.to_string())?;
    rules.insert(libc::SYS_mmap, vec![rule]);
    Ok(rules)
}

fn build(
    rules: Rules,
    mismatch: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    SeccompFilter::new(rules, mismatch, matched, arch)
        .and_then(TryInto::try_into)
        .map_err(|error| error.to_string())
}
