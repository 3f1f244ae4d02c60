//! A worker that was started for one call: what there is where no fork server can be.

use std::process::ExitCode;

use super::super::super::protocol::FromWorker;
#[cfg(not(target_os = "linux"))]
use super::super::walls::SECCOMP;
use super::super::walls::Walls;
use super::channel::{Channel as _, Streams};
use super::realm::Realm;
use super::{Setup, Variation, serve};

/// Of the stack, where the first thread's may be too small for the interpreter.
#[cfg(not(target_os = "linux"))]
const STACK_BYTES: usize = 16 << 20;

/// Serves one call over standard input and output.
#[cfg(target_os = "linux")]
pub(super) fn run(setup: Setup, variation: Variation) -> ExitCode {
    let mut walls = Walls::default();
    linux::before_realm(&mut walls, setup, variation);
    let Ok(realm) = serve::prepare(setup.memory_bytes, variation) else {
        return ExitCode::FAILURE;
    };
    linux::before_code(&mut walls, setup, variation);
    serve_one(&realm, &walls);
    super::fork::leave(0)
}

/// Serves one call over standard input and output, behind no walls but its own process and limits.
#[cfg(not(target_os = "linux"))]
pub(super) fn run(setup: Setup, variation: Variation) -> ExitCode {
    let serving = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        if let Ok(realm) = serve::prepare(setup.memory_bytes, variation) {
            let mut walls = Walls::default();
            walls.note(SECCOMP, Err("there is none on this system".to_owned()));
            serve_one(&realm, &walls);
        }
    });
    match serving.map(std::thread::JoinHandle::join) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn serve_one(realm: &Realm, walls: &Walls) {
    let mut channel = Streams(std::io::stdin().lock(), std::io::stdout().lock());
    let ready = serde_json::to_string(walls).map(FromWorker::Ready);
    if ready.is_ok_and(|ready| channel.send(&ready).is_ok()) {
        serve::answer(realm, Box::new(channel));
    }
}

/// The walls of a single process: all but a PID namespace, which would take a second one.
#[cfg(target_os = "linux")]
mod linux {
    use super::super::super::walls::{SECCOMP, Walls};
    use super::super::seccomp::{Filters, Heap};
    use super::super::{Setup, Variation, fork, lockdown, overflow};

    pub(super) fn before_realm(walls: &mut Walls, setup: Setup, variation: Variation) {
        fork::close_range(3, u32::MAX);
        fork::default_faults();
        overflow::watch();
        fork::settle_time_zone();
        lockdown::yield_when_memory_is_short();
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
        let filters = Filters::heap(heap).and_then(|heap| Ok((heap, Filters::worker(true)?)));
        overflow::tell(rustix::stdio::stdout());
        let went = filters.and_then(|(heap, own)| {
            lockdown::limit_worker().map_err(|error| error.to_string())?;
            heap.apply()?;
            own.apply()
        });
        walls.note(SECCOMP, went);
    }
}
