//! A worker that was started for one call: what there is where no fork server can be.

use std::process::ExitCode;

use super::super::protocol::FromWorker;
use super::super::walls::Walls;
use super::channel::{Channel as _, Streams};
use super::{Setup, Variation, serve};

/// Serves one call over standard input and output.
pub(super) fn run(setup: Setup, variation: Variation) -> ExitCode {
    let mut walls = Walls::default();
    #[cfg(target_os = "linux")]
    linux::before_realm(&mut walls, setup, variation);
    let Ok(realm) = serve::prepare(setup.memory_bytes, variation) else {
        return ExitCode::FAILURE;
    };
    #[cfg(target_os = "linux")]
    linux::before_code(&mut walls, setup, variation);
    let mut channel = Streams(std::io::stdin().lock(), std::io::stdout().lock());
    let ready = serde_json::to_string(&walls).map(FromWorker::Ready);
    if ready.is_ok_and(|ready| channel.send(&ready).is_ok()) {
        serve::answer(&realm, Box::new(channel));
    }
    #[cfg(target_os = "linux")]
    super::fork::leave(0);
    #[cfg(not(target_os = "linux"))]
    ExitCode::SUCCESS
}

/// The walls of a single process: all but a PID namespace, which would take a second one.
#[cfg(target_os = "linux")]
mod linux {
    use super::super::super::walls::{SECCOMP, Walls};
    use super::super::seccomp::{Filters, Heap};
    use super::super::{Setup, Variation, fork, lockdown};

    pub(super) fn before_realm(walls: &mut Walls, setup: Setup, variation: Variation) {
        fork::close_range(3, u32::MAX);
        fork::default_faults();
        fork::settle_time_zone();
        if variation.open {
            return;
        }
        lockdown::leave_root(walls);
        lockdown::enter_namespaces(walls, false);
        lockdown::empty_root(walls);
        lockdown::limit_resources(walls, setup.address_space());
    }

    pub(super) fn before_code(walls: &mut Walls, setup: Setup, variation: Variation) {
        if variation.open {
            return;
        }
        let heap = if fork::seal_heap(setup.sealed_bytes()) { Heap::Sealed } else { Heap::Bounded };
        lockdown::drop_privileges(walls);
        lockdown::landlock(walls);
        let went = Filters::worker(heap, true).and_then(|filters| {
            lockdown::limit_worker().map_err(|error| error.to_string())?;
            filters.apply()
        });
        walls.note(SECCOMP, went);
    }
}
