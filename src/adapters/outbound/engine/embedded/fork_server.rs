//! One fork server, as the host holds it: started in the background, told what to fork, listened to.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::net::{UnixDatagram, UnixStream};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::sandbox::Ending;
use super::control::{FromServer, MAX, ToServer, Urgency};
use super::datagram;
use super::pool::Pool;
use super::process::{Pipe, Process, Worker};
use super::walls::Walls;
use super::worker::{FORK_SERVER, Setup};

/// Ends a forked worker when it is dropped. While one is left, its fork server is kept.
pub(super) struct Forked {
    id: u64,
    process: OwnedFd,
    server: Arc<ForkServer>,
    _kept: Arc<DropGuard>,
}

impl Drop for Forked {
    fn drop(&mut self) {
        // A process that has ended already can't be signalled: nothing to do then.
        if rustix::process::pidfd_send_signal(&self.process, Signal::KILL)
            == Err(rustix::io::Errno::PERM)
        {
            self.server.tell(ToServer::Kill(self.id), None);
        }
    }
}

/// What is known of a worker that has been ordered.
struct Ordered {
    stream: Option<UnixStream>,
    ended: oneshot::Sender<Ending>,
    ending: Option<oneshot::Receiver<Ending>>,
}

/// See the module.
pub(super) struct ForkServer {
    control: UnixDatagram,
    workers: Mutex<HashMap<u64, Ordered>>,
    ids: Arc<AtomicU64>,
    forked: AtomicU64,
    /// Cancelled when nobody holds the server or a worker of it any more.
    abandoned: CancellationToken,
}

/// The first thing that a fork server says.
pub(super) enum Start {
    /// It serves.
    Ready(Walls),
    /// It won't.
    Refused(Walls),
    /// It died.
    Died,
}

impl ForkServer {
    /// Starts one. The guard is what keeps it.
    pub(super) fn start(
        program: &Path,
        setup: Setup,
        ids: Arc<AtomicU64>,
    ) -> std::io::Result<(Arc<Self>, Arc<DropGuard>)> {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let ours = std::os::unix::net::UnixDatagram::from(ours);
        ours.set_nonblocking(true)?;
        let control = UnixDatagram::from_std(ours)?;
        let mut command = command(program, setup);
        command.stdin(Stdio::from(theirs));
        // The kernel ends the fork server when the thread that started it ends, so that thread stays.
        std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            let child = command.spawn();
            // It holds the other end of the control socket, whose end is what tells of a failed start.
            drop(command);
            if let Ok(mut child) = child {
                drop(child.wait());
            }
        })?;
        let abandoned = CancellationToken::new();
        let guard = Arc::new(abandoned.clone().drop_guard());
        let server =
            Self { control, workers: Mutex::default(), ids, forked: AtomicU64::new(0), abandoned };
        Ok((Arc::new(server), guard))
    }

    /// Waits for its first words.
    pub(super) async fn started(&self) -> Start {
        match self.receive().await {
            Some((FromServer::Ready(walls), _)) => Start::Ready(walls),
            Some((FromServer::Refused(walls), _)) => Start::Refused(walls),
            _ => Start::Died,
        }
    }

    /// How many workers it has made.
    pub(super) fn forked(&self) -> u64 {
        self.forked.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Ordered>> {
        // No method panics while it holds the lock.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders a worker; `false` where that can't be done now.
    pub(super) fn order(&self, urgency: Urgency) -> bool {
        // The worker reads and writes as if there were nothing else in the world: its end may block.
        let Ok((ours, theirs)) = std::os::unix::net::UnixStream::pair() else { return false };
        let ours = ours.set_nonblocking(true).and_then(|()| UnixStream::from_std(ours));
        let Ok(ours) = ours else { return false };
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (ended, ending) = oneshot::channel();
        let ordered = Ordered { stream: Some(ours), ended, ending: Some(ending) };
        self.lock().insert(id, ordered);
        let told = self.tell(ToServer::Fork(id, urgency), Some(&OwnedFd::from(theirs)));
        if !told {
            self.lock().remove(&id);
        }
        told
    }

    fn tell(&self, said: ToServer, along: Option<&OwnedFd>) -> bool {
        datagram::send(&self.control, &said.encode(), along).is_ok()
    }

    async fn receive(&self) -> Option<(FromServer, Option<OwnedFd>)> {
        loop {
            self.control.readable().await.ok()?;
            let receive = || datagram::receive::<MAX>(&self.control);
            match self.control.try_io(Interest::READABLE, receive) {
                Ok(Some((said, along))) => return Some((FromServer::decode(&said)?, along)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Listens until the server has gone or nobody needs it, and hands what it makes to the pool.
    pub(super) async fn attend(self: Arc<Self>, pool: Arc<Pool>, kept: Weak<DropGuard>) {
        loop {
            let said = tokio::select! {
                said = self.receive() => said,
                () = self.abandoned.cancelled() => None,
            };
            let Some((said, along)) = said else { break };
            match (said, along) {
                (FromServer::Forked(id), Some(process)) => {
                    self.forked.fetch_add(1, Ordering::Relaxed);
                    let parts = self
                        .lock()
                        .get_mut(&id)
                        .and_then(|ordered| Some((ordered.stream.take()?, ordered.ending.take()?)));
                    // Without a holder the server is being retired, and so is what it made late.
                    if let (Some((stream, ending)), Some(kept)) = (parts, kept.upgrade()) {
                        let server = Arc::clone(&self);
                        let handle = Forked { id, process, server, _kept: kept };
                        let (reader, writer) = stream.into_split();
                        pool.supply(Worker {
                            id,
                            reader: Pipe(Box::new(reader)),
                            writer: Box::new(writer),
                            process: Process::Forked { _killed: handle, ending },
                        });
                    }
                }
                (FromServer::Ended(id, ending), _) => {
                    if let Some(ordered) = self.lock().remove(&id) {
                        // Nobody may be waiting for the news.
                        let _ = ordered.ended.send(ending);
                    }
                    pool.discard(id);
                }
                (FromServer::Failed(id) | FromServer::Forked(id), _) => {
                    self.lock().remove(&id);
                    pool.fail_order();
                }
                (FromServer::Ready(_) | FromServer::Refused(_), _) => break,
            }
        }
        // Whoever waits for news of a worker learns that there won't be any.
        self.lock().clear();
    }
}

/// The program as a sandbox process: no environment, no folder, nothing open, and in a process group of its own, so
/// that Ctrl-C in a terminal reaches this server alone, which lets running calls end.
pub(super) fn command(program: &Path, setup: Setup) -> Command {
    #[expect(clippy::disallowed_methods, reason = "started by a thread of its own, see above")]
    let mut command = Command::new(program);
    command
        .arg(FORK_SERVER)
        .args(setup.to_args())
        .env_clear()
        .env("TZ", "UTC0")
        .current_dir("/")
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
