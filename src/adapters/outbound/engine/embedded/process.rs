//! A worker as the host holds it: a channel to it, a way to end it, and how it ended.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::super::sandbox::{Ending, Receive, Sandbox};
#[cfg(target_os = "linux")]
use super::fork_server::Forked;

/// How long the news of a death may take to arrive after the channel has ended.
const NEWS: Duration = Duration::from_secs(5);

/// A ready worker, for one call. Dropping it kills it.
pub(super) struct Worker {
    /// Its number among all that this engine has had.
    pub(super) id: u64,
    /// Its output.
    pub(super) reader: Pipe,
    /// Its input.
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// The process.
    pub(super) process: Process,
}

/// A worker's output.
pub(super) struct Pipe(pub(super) Box<dyn AsyncRead + Send + Unpin>);

impl Receive for Pipe {
    async fn receive(&mut self, frames: &mut Vec<u8>, _printed: &mut Vec<u8>) -> bool {
        self.0.read_buf(frames).await.is_ok_and(|count| count > 0)
    }
}

impl Sandbox for Worker {
    type Reader = Pipe;
    type Writer = Box<dyn AsyncWrite + Send + Unpin>;

    const GRACE: Duration = Duration::from_millis(50);
    const HEARTBEAT: Option<Duration> = None;

    fn streams(&mut self) -> (&mut Self::Reader, &mut Self::Writer) {
        (&mut self.reader, &mut self.writer)
    }

    fn nonce(&self) -> &[u8] {
        // No code ever sees a descriptor.
        &[]
    }

    fn admits(&self, _kind: u8, _seal: &[u8]) -> bool {
        true
    }

    async fn ending(&mut self, said: Option<Ending>) -> Option<Ending> {
        match said {
            Some(said) => Some(said),
            None => self.process.ending().await,
        }
    }
}

/// The process behind a worker.
pub(super) enum Process {
    /// A child of the fork server.
    #[cfg(target_os = "linux")]
    Forked {
        /// Kills it when dropped.
        _killed: Forked,
        /// How it ended, once the fork server has said so.
        ending: tokio::sync::oneshot::Receiver<Ending>,
    },
    /// A child of this process; killed when dropped.
    Spawned(Box<tokio::process::Child>),
}

impl Process {
    /// How it ended, its channel having ended; `None` where nobody can say.
    pub(super) async fn ending(&mut self) -> Option<Ending> {
        let news = async {
            match self {
                #[cfg(target_os = "linux")]
                Self::Forked { ending, .. } => ending.await.ok(),
                Self::Spawned(child) => child.wait().await.ok().map(ending_of),
            }
        };
        tokio::time::timeout(NEWS, news).await.ok().flatten()
    }
}

fn ending_of(status: std::process::ExitStatus) -> Ending {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Ending::Signaled(signal);
    }
    Ending::Exited(status.code().unwrap_or(-1))
}
