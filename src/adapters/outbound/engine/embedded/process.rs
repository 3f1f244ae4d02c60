//! A worker as the host holds it: a road to it, a way to end it, and how it ended.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(target_os = "linux")]
use super::fork_server::Forked;

/// How long the news of a death may take to arrive after the road has ended.
const NEWS: Duration = Duration::from_secs(5);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

/// A ready worker, for one call. Dropping it kills it.
pub(super) struct Worker {
    /// Its number among all that this engine has had.
    pub(super) id: u64,
    /// What it says.
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    /// What it hears.
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// The process.
    pub(super) process: Process,
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
    /// How it ended, its road having ended; `None` where nobody can say.
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
