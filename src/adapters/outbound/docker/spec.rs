//! The one description of every container of ours; `verify` compares what the daemon made of it.
//!
//! Whatever runs in a container is nobody's friend, so all of them are alike: no capabilities, no way to gain
//! privileges, a read-only root, small file systems in memory, limits on memory, processors, processes and
//! descriptors, no network unless it is asked for, no log kept by the daemon.
//!
//! **The lease.** A container's standard input is attached to the server that made it, and its first process
//! does nothing but wait for the end of that input: when the server goes away, however it does, the kernel
//! ends all that runs inside, and the daemon removes the container. Whoever may look into that process can open the other
//! end of its input and keep it from ever ending: in a session it has a user of its own, and elsewhere it runs a
//! program that may not be read, which is made at [`LEASE`].

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};

use super::connection::Dialect;
use super::labels::{self, Instance, Role};

/// Most processes and threads.
pub(super) const PIDS: i64 = 256;
/// Most open descriptors of one process.
const DESCRIPTORS: i64 = 1024;
/// Bytes that a process may ask for beyond the memory that it may use, of which programs touch only a part: whoever
/// asks for more is refused at once, rather than ended when it uses them.
const UNTOUCHED: i64 = 256 << 20;
/// Where work goes on; empty at first, in memory.
pub const WORKSPACE: &str = "/workspace";
/// Where installed npm packages are: a folder `node_modules` is in it.
pub const DEPENDENCIES: &str = "/deps";
/// Where the first process of a call, or of an installation, makes the program that it becomes. There is room for one file, and it can't be
/// written while it runs: so nothing else is ever run from here.
const LEASE: &str = "/lease";
/// Who runs what is nobody's friend, as the images of Node call it.
pub(super) const USER: &str = "node";
/// That user in numbers.
const USER_ID: u32 = 1000;
/// Who only waits for the end of its input. Needs no name in the image.
const KEEPER: &str = "65534:65534";
const MIB: u64 = 1 << 20;

/// Which network a container is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// None but its own loopback.
    None,
    /// The daemon's usual one.
    Bridge,
}

/// A volume in a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeMount {
    /// The volume; empty: a new one, which goes with the container.
    pub volume: String,
    /// Where it is in the container.
    pub at: &'static str,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Memory in bytes, swap included; what is in `/tmp` and the workspace counts.
    pub memory_bytes: u64,
    /// Processors, in thousandths.
    pub millicpus: u32,
}

/// One container. See the module.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What it is for.
    pub role: Role,
    /// Whose it is.
    pub instance: Instance,
    /// The image, by reference or id.
    pub image: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables, `NAME=value`, beside the image's own.
    pub environment: Vec<String>,
    /// Which network.
    pub network: Network,
    /// What it may use.
    pub resources: Resources,
    /// Size of the workspace, in bytes.
    pub workspace_bytes: u64,
    /// Whether files in the workspace may be run as programs.
    pub workspace_exec: bool,
    /// Volumes.
    pub volumes: Vec<VolumeMount>,
    /// After how long nobody needs it any more, whoever made it; `None`: as long as its server holds it.
    pub lifetime: Option<Duration>,
}

impl Spec {
    /// As the daemon is told.
    pub fn body(&self, dialect: Dialect) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image.clone()),
            user: Some(self.user().to_owned()),
            working_dir: Some(WORKSPACE.to_owned()),
            entrypoint: Some(self.command.clone()),
            env: Some(self.environment.clone()),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            network_disabled: Some(self.network == Network::None),
            labels: Some(labels::of(&self.instance, self.role, self.lifetime)),
            host_config: Some(self.host_config(dialect)),
            ..Default::default()
        }
    }

    fn host_config(&self, dialect: Dialect) -> HostConfig {
        let memory = i64::try_from(self.resources.memory_bytes).unwrap_or(i64::MAX);
        let ulimit = |name: &str, most| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(most),
            hard: Some(most),
        };
        HostConfig {
            auto_remove: Some(true),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            pids_limit: Some(PIDS),
            memory: Some(memory),
            memory_swap: Some(memory),
            nano_cpus: Some(self.nano_cpus()),
            network_mode: Some(self.network_mode().to_owned()),
            ipc_mode: Some("none".to_owned()),
            oom_score_adj: Some(500),
            tmpfs: Some(self.file_systems(dialect)),
            mounts: Some(self.volumes.iter().map(|volume| self.mount(volume)).collect()),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ulimits: Some(vec![
                ulimit("core", 0),
                ulimit("data", memory.saturating_add(UNTOUCHED)),
                ulimit("nofile", DESCRIPTORS),
            ]),
            init: Some(false),
            ..Default::default()
        }
    }

    /// Who runs the first process.
    pub(super) const fn user(&self) -> &'static str {
        match self.role {
            // Programs are run beside it.
            Role::Session => KEEPER,
            Role::Call | Role::Install => USER,
        }
    }

    /// Processors as the daemon counts them.
    pub(super) fn nano_cpus(&self) -> i64 {
        i64::from(self.resources.millicpus) * 1_000_000
    }

    /// The network by its name.
    pub(super) const fn network_mode(&self) -> &'static str {
        match self.network {
            Network::None => "none",
            Network::Bridge => "bridge",
        }
    }

    fn file_systems(&self, dialect: Dialect) -> HashMap<String, String> {
        let exec = if self.workspace_exec { "exec" } else { "noexec" };
        let size = self.workspace_bytes;
        let (access, one_file) = match dialect {
            // The daemon gives a working directory the owner and mode that it has in the image, and so root's:
            // only an explicit owner is kept.
            Dialect::Docker => (format!("uid={USER_ID},gid={USER_ID},mode=0755"), ",nr_inodes=2"),
            // It knows no owner and no number of files, and keeps the mode.
            Dialect::Podman => ("mode=1777".to_owned(), ""),
        };
        let workspace = format!("rw,{exec},nosuid,nodev,size={size},{access}");
        let tmp = format!("rw,noexec,nosuid,nodev,size={},mode=1777", 64 * MIB);
        let mut all = HashMap::from([(WORKSPACE.to_owned(), workspace), ("/tmp".to_owned(), tmp)]);
        if self.role != Role::Session {
            let lease = format!("rw,exec,nosuid,nodev,size={},{access}{one_file}", 16 * MIB);
            all.insert(LEASE.to_owned(), lease);
        }
        all
    }

    fn mount(&self, volume: &VolumeMount) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(volume.volume.clone()),
            target: Some(volume.at.to_owned()),
            read_only: Some(volume.read_only),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                // For a new one.
                labels: Some(labels::of(&self.instance, self.role, None)),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}
