//! Whether the daemon kept to a [`Spec`]: what it says of a container that it has made.
//!
//! A daemon ignores fields that it doesn't know, and drops limits that its kernel can't keep, with no more than
//! a warning. A container whose walls did not come out as drawn is not used.

use bollard::models::{ContainerInspectResponse, HostConfig};

use super::connection::Dialect;
use super::spec::{PIDS, Spec};

/// The capabilities that a container has unless they are dropped, where a daemon lists them one by one.
const USUAL_CAPABILITIES: usize = 10;

/// Checks what `docker inspect` shows. `swap_limited`: whether the daemon says that it can limit swap; where
/// its kernel can't, memory alone is limited.
///
/// # Errors
/// The names of what did not come out as asked.
pub fn verify(
    spec: &Spec,
    found: &ContainerInspectResponse,
    dialect: Dialect,
    swap_limited: bool,
) -> Result<(), String> {
    let unnamed = HostConfig::default();
    let host = found.host_config.as_ref().unwrap_or(&unnamed);
    let config = found.config.as_ref();
    let memory = i64::try_from(spec.resources.memory_bytes).ok();
    let has = |list: &Option<Vec<String>>, wanted: &str| {
        list.iter().flatten().any(|entry| entry.eq_ignore_ascii_case(wanted))
    };
    let dropped = has(&host.cap_drop, "ALL")
        || host.cap_drop.as_ref().is_some_and(|list| list.len() >= USUAL_CAPABILITIES);
    let network = host.network_mode.as_deref();
    let ipc = (dialect, host.ipc_mode.as_deref());
    let ipc = matches!(
        ipc,
        // Podman calls any that is not the host's so.
        (_, Some("none")) | (Dialect::Podman, Some("private" | "shareable"))
    );
    let checks = [
        ("the memory limit", host.memory == memory),
        ("the swap limit", !swap_limited || host.memory_swap == memory),
        ("the processor limit", processors(host) == Some(spec.nano_cpus())),
        ("the process limit", host.pids_limit == Some(PIDS)),
        ("the read-only root", host.readonly_rootfs == Some(true)),
        ("the dropped capabilities", dropped && host.cap_add.iter().flatten().next().is_none()),
        ("no-new-privileges", has(&host.security_opt, "no-new-privileges")),
        ("protection from privileges", host.privileged != Some(true)),
        ("the network", network == Some(spec.network_mode())),
        ("its own IPC", ipc),
        ("the user", config.and_then(|config| config.user.as_deref()) == Some(spec.user())),
        ("protection from bind mounts", !has_binds(found, dialect)),
        ("protection from volumes that its image declares", !has_other_volumes(spec, found)),
    ];
    let missing: Vec<_> =
        checks.iter().filter(|(_, holds)| !holds).map(|(name, _)| *name).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join(", ")) }
}

/// Whether anything of the host's is in it.
fn has_binds(found: &ContainerInspectResponse, dialect: Dialect) -> bool {
    let binds = found.host_config.iter().flat_map(|host| host.binds.iter().flatten());
    // Podman lists volumes there too, by their names.
    let mut binds = binds.filter(|bind| dialect == Dialect::Docker || bind.starts_with('/'));
    let mut mounts = found.mounts.iter().flatten();
    binds.next().is_some() || mounts.any(|mount| mount.typ.as_deref() == Some("bind"))
}

/// Whether there is a volume that was not asked for: it is on the disk, may be written, and has no limit.
fn has_other_volumes(spec: &Spec, found: &ContainerInspectResponse) -> bool {
    let volumes = found.mounts.iter().flatten();
    let mut volumes = volumes.filter(|mount| mount.typ.as_deref() == Some("volume"));
    volumes.any(|found| {
        !spec.volumes.iter().any(|asked| {
            found.destination.as_deref() == Some(asked.at)
                && found.rw == Some(!asked.read_only)
                && (asked.volume.is_empty() || found.name.as_ref() == Some(&asked.volume))
        })
    })
}

/// Processors in billionths, however the daemon writes them.
fn processors(host: &HostConfig) -> Option<i64> {
    match (host.nano_cpus, host.cpu_quota, host.cpu_period) {
        (Some(nano), _, _) if nano > 0 => Some(nano),
        (_, Some(quota), Some(period)) if period > 0 => {
            Some(quota.saturating_mul(1_000_000_000) / period)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerConfig, ContainerInspectResponse, MountPoint};

    use super::super::labels::{Instance, Role};
    use super::super::spec::{Network, Resources};
    use super::*;

    fn spec() -> Spec {
        Spec {
            role: Role::Call,
            instance: Instance::new("one"),
            image: "node:lts-slim".to_owned(),
            command: vec![],
            environment: vec![],
            network: Network::None,
            resources: Resources { memory_bytes: 64 << 20, millicpus: 500 },
            workspace_bytes: 1 << 20,
            workspace_exec: false,
            volumes: vec![],
            lifetime: None,
        }
    }

    /// What a daemon shows that did as it was told.
    fn kept(spec: &Spec) -> ContainerInspectResponse {
        let body = spec.body(Dialect::Docker);
        ContainerInspectResponse {
            host_config: body.host_config,
            config: Some(ContainerConfig { user: body.user, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn a_container_as_drawn_will_do() {
        assert_eq!(verify(&spec(), &kept(&spec()), Dialect::Docker, true), Ok(()));
    }

    #[test]
    fn each_wall_that_is_missing_is_named() {
        type Breach = fn(&mut HostConfig);
        let breaches: [(&str, Breach); 9] = [
            ("the memory limit", |host| host.memory = Some(0)),
            ("the swap limit", |host| host.memory_swap = Some(-1)),
            ("the processor limit", |host| host.nano_cpus = Some(0)),
            ("the process limit", |host| host.pids_limit = None),
            ("the read-only root", |host| host.readonly_rootfs = Some(false)),
            ("the dropped capabilities", |host| host.cap_drop = Some(vec![])),
            ("no-new-privileges", |host| host.security_opt = None),
            ("the network", |host| host.network_mode = Some("bridge".to_owned())),
            ("its own IPC", |host| host.ipc_mode = Some("host".to_owned())),
        ];
        for (name, breach) in breaches {
            let mut found = kept(&spec());
            breach(found.host_config.as_mut().unwrap());
            assert_eq!(verify(&spec(), &found, Dialect::Docker, true), Err(name.to_owned()));
        }
        let nothing = ContainerInspectResponse::default();
        assert!(verify(&spec(), &nothing, Dialect::Docker, true).is_err());
    }

    #[test]
    fn what_podman_calls_otherwise_is_understood() {
        let mut found = kept(&spec());
        for (ipc, own) in [("shareable", true), ("private", true), ("host", false)] {
            found.host_config.as_mut().unwrap().ipc_mode = Some(ipc.to_owned());
            assert_eq!(verify(&spec(), &found, Dialect::Podman, true).is_ok(), own, "{ipc}");
            assert!(verify(&spec(), &found, Dialect::Docker, true).is_err(), "{ipc}");
        }
        let mut found = kept(&spec());
        for (bind, is_volume) in [("0f3c:/deps:rw,rprivate", true), ("/etc:/deps:rw", false)] {
            found.host_config.as_mut().unwrap().binds = Some(vec![bind.to_owned()]);
            assert_eq!(verify(&spec(), &found, Dialect::Podman, true).is_ok(), is_volume, "{bind}");
            assert!(verify(&spec(), &found, Dialect::Docker, true).is_err(), "{bind}");
        }
    }

    #[test]
    fn a_bind_mount_is_found_where_only_the_mounts_show_it() {
        let mut found = kept(&spec());
        let mount = MountPoint { typ: Some("bind".to_owned()), ..Default::default() };
        found.mounts = Some(vec![mount]);
        let missing = verify(&spec(), &found, Dialect::Docker, true);
        assert_eq!(missing, Err("protection from bind mounts".to_owned()));
    }

    #[test]
    fn swap_is_let_be_where_it_cannot_be_limited() {
        let mut found = kept(&spec());
        found.host_config.as_mut().unwrap().memory_swap = Some(-1);
        assert_eq!(verify(&spec(), &found, Dialect::Docker, false), Ok(()));
    }

    #[test]
    fn processors_may_be_written_as_a_quota() {
        let mut found = kept(&spec());
        let host = found.host_config.as_mut().unwrap();
        (host.nano_cpus, host.cpu_quota, host.cpu_period) = (Some(0), Some(50_000), Some(100_000));
        assert_eq!(verify(&spec(), &found, Dialect::Docker, true), Ok(()));
    }
}
