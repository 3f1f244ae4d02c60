//! The fork server: a process that has everything ready, never sees code, and forks a worker for each call.
//!
//! ```text
//! host ── keeper ── fork server ─┬─ worker (one call)
//!         waits     pid 1 of its ├─ worker (one call)
//!                   namespace    └─ spare  (warm)
//! ```
//! When the host dies the control socket ends, the fork server with it, and the kernel kills what it forked.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::super::super::sandbox::Ending;
use super::super::control::{FromServer, ToServer, Urgency};
use super::super::walls::{SECCOMP, Walls};
use super::channel::Streams;
use super::fork::{self, ForkResult};
use super::realm::Realm;
use super::seccomp::{Filters, Heap};
use super::{Setup, Variation, datagram, lockdown, overflow, serve};

/// Serves over the control socket, which is standard input.
pub(super) fn run(setup: Setup, variation: Variation) -> ExitCode {
    die_with_parent();
    fork::close_range(3, u32::MAX);
    fork::default_faults();
    overflow::watch();
    fork::settle_time_zone();
    lockdown::yield_when_memory_is_short();
    let Ok(control) = rustix::stdio::stdin().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut walls = Walls::default();
    if variation.open {
        serve(Server::open(control, setup, variation));
    }
    lockdown::leave_root(&mut walls);
    lockdown::enter_namespaces(&mut walls, true);
    match fork::fork() {
        Ok(ForkResult::Parent(child)) => keep(child),
        Ok(ForkResult::Child) => {}
        Err(_) => return ExitCode::FAILURE,
    }
    die_with_parent();
    lockdown::empty_root(&mut walls);
    lockdown::limit_resources(&mut walls, setup.address_space());
    serve(Server::locked_down(control, setup, variation, walls))
}

/// Waits for the fork server, so that its end is the end of both. Its workers, which the kernel ends with it,
/// then become this process's to take leave of: in a container, nobody else might.
fn keep(server: Pid) -> ! {
    fork::close_range(0, u32::MAX);
    let _ = rustix::process::set_child_subreaper(Some(server));
    let _ = rustix::thread::set_no_new_privs(true);
    if let Ok(filters) = Filters::keeper() {
        drop(filters.apply());
    }
    let _ = rustix::process::waitid(WaitId::Pid(server), WaitIdOptions::EXITED);
    while !matches!(
        rustix::process::waitid(WaitId::All, WaitIdOptions::EXITED),
        Err(rustix::io::Errno::CHILD)
    ) {}
    fork::leave(0)
}

/// Asks the kernel to end this process with its parent. The end of a socket says the same, a little later.
fn die_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

fn serve(server: Option<Server>) -> ! {
    if let Some(mut server) = server {
        while server.turn().is_some() {}
    }
    fork::leave(0)
}

struct Server {
    control: OwnedFd,
    realm: Realm,
    /// What each worker locks itself down with; `None` where nothing could or should.
    filters: Option<Filters>,
    workers: Vec<Worker>,
}

struct Worker {
    id: u64,
    process: OwnedFd,
}

impl Server {
    /// Without walls: for measuring what they cost.
    fn open(control: OwnedFd, setup: Setup, variation: Variation) -> Option<Self> {
        let realm = serve::prepare(setup.memory_bytes, variation).ok()?;
        fork::fill_holes();
        let server = Self { control, realm, filters: None, workers: Vec::new() };
        server.say(&FromServer::Ready(Walls::default()), None)?;
        Some(server)
    }

    fn locked_down(
        control: OwnedFd,
        setup: Setup,
        variation: Variation,
        mut walls: Walls,
    ) -> Option<Self> {
        let heap = if fork::seal_heap(setup.sealed_bytes()) { Heap::Sealed } else { Heap::Bounded };
        let realm = serve::prepare(setup.memory_bytes, variation).ok()?;
        fork::fill_holes();
        lockdown::drop_privileges(&mut walls);
        lockdown::landlock(&mut walls);
        // From here on only the control socket.
        fork::close_all_but(&control);
        // The heap's is the workers' too: they inherit what the fork server has put up.
        let filters = Filters::fork_server()
            .and_then(|own| Ok((own, Filters::worker(clock_needs_a_call()?)?)))
            .and_then(|(own, workers)| Ok((own, Filters::heap(heap)?, workers)))
            .and_then(|(own, heap, workers)| {
                heap.apply()?;
                own.apply()?;
                Ok(workers)
            });
        walls.note(SECCOMP, filters.as_ref().map(|_| ()).map_err(Clone::clone));
        let server = Self { control, realm, filters: filters.ok(), workers: Vec::new() };
        if server.filters.is_none() && !setup.allow_weak {
            server.say(&FromServer::Refused(walls), None)?;
            return None;
        }
        server.say(&FromServer::Ready(walls), None)?;
        Some(server)
    }

    /// Waits for something to do and does it; `None` when the host has gone.
    fn turn(&mut self) -> Option<()> {
        let mut polled = Vec::with_capacity(1 + self.workers.len());
        polled.push(PollFd::new(&self.control, PollFlags::IN));
        polled
            .extend(self.workers.iter().map(|worker| PollFd::new(&worker.process, PollFlags::IN)));
        match rustix::event::poll(&mut polled, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Some(()),
            Err(_) => return None,
        }
        let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
        let told = ready.next().unwrap_or(false);
        let ended: Vec<bool> = ready.collect();
        drop(polled);
        if ended.contains(&true) {
            self.reap(&ended)?;
        }
        if told { self.listen() } else { Some(()) }
    }

    /// Takes leave of the workers that have ended.
    fn reap(&mut self, ended: &[bool]) -> Option<()> {
        let mut ended = ended.iter();
        let (gone, left): (Vec<Worker>, Vec<Worker>) =
            self.workers.drain(..).partition(|_| ended.next().copied().unwrap_or(false));
        self.workers = left;
        for worker in gone {
            let status = rustix::process::waitid(
                WaitId::PidFd(worker.process.as_fd()),
                WaitIdOptions::EXITED,
            );
            let ending = match status {
                Ok(Some(status)) => status.terminating_signal().map_or_else(
                    || Ending::Exited(status.exit_status().unwrap_or(-1)),
                    Ending::Signaled,
                ),
                Ok(None) | Err(_) => Ending::Exited(-1),
            };
            self.say(&FromServer::Ended(worker.id, ending), None)?;
        }
        Some(())
    }

    fn listen(&mut self) -> Option<()> {
        let (said, stream) = datagram::receive::<9>(&self.control).ok()??;
        match (ToServer::decode(&said)?, stream) {
            (ToServer::Fork(id, urgency), Some(stream)) => self.fork(id, urgency, stream),
            (ToServer::Fork(id, _), None) => self.say(&FromServer::Failed(id), None),
            (ToServer::Kill(id), _) => {
                for worker in self.workers.iter().filter(|worker| worker.id == id) {
                    let _ = rustix::process::pidfd_send_signal(&worker.process, Signal::KILL);
                }
                Some(())
            }
        }
    }

    fn fork(&mut self, id: u64, urgency: Urgency, stream: OwnedFd) -> Option<()> {
        match fork::fork() {
            Ok(ForkResult::Child) => self.work(urgency, stream),
            Ok(ForkResult::Parent(child)) => {
                drop(stream);
                match rustix::process::pidfd_open(child, PidfdFlags::empty()) {
                    Ok(process) => {
                        self.say(&FromServer::Forked(id), Some(&process))?;
                        self.workers.push(Worker { id, process });
                        Some(())
                    }
                    // A worker that can't be watched or killed may not be used.
                    Err(_) => self.say(&FromServer::Failed(id), None),
                }
            }
            Err(_) => self.say(&FromServer::Failed(id), None),
        }
    }

    /// The life of a worker, from its first instruction.
    fn work(&self, urgency: Urgency, stream: OwnedFd) -> ! {
        die_with_parent();
        fork::close_all_but(&stream);
        if let Some(filters) = &self.filters
            && (lockdown::limit_worker().is_err() || filters.apply().is_err())
        {
            fork::leave(1);
        }
        if urgency == Urgency::Spare {
            serve::warm_up(&self.realm);
        }
        overflow::tell(stream.as_fd());
        let stream = Arc::new(File::from(stream));
        serve::answer(&self.realm, Box::new(Streams(Arc::clone(&stream), stream)));
        fork::leave(0)
    }

    fn say(&self, said: &FromServer, along: Option<&OwnedFd>) -> Option<()> {
        datagram::send(&self.control, &said.encode(), along).ok()
    }
}

/// Whether telling the time takes a system call here: a process that may not make it tries.
fn clock_needs_a_call() -> Result<bool, String> {
    let filters = Filters::clockless()?;
    match fork::fork().map_err(|error| error.to_string())? {
        ForkResult::Child => {
            if filters.apply().is_err() {
                fork::leave(1);
            }
            #[expect(clippy::disallowed_methods, reason = "the clocks themselves are on trial")]
            let told = (std::time::Instant::now(), std::time::SystemTime::now());
            std::hint::black_box(told);
            fork::leave(0)
        }
        ForkResult::Parent(child) => {
            let status = rustix::process::waitid(WaitId::Pid(child), WaitIdOptions::EXITED)
                .map_err(|error| error.to_string())?;
            Ok(status.is_none_or(|status| status.exit_status() != Some(0)))
        }
    }
}
