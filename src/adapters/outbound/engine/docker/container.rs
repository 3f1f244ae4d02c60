//! One container, for one call, as the host holds it.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use super::super::sandbox::{Ears, Ending, Sandbox};

/// Bytes of a nonce or seal.
pub(super) const SEAL: usize = 16;
/// The frames of the runner's start and of the shell around it, whose seal is the container's own.
const ROUND: [u8; 2] = [b'H', b'X'];
/// How much of what was printed last is kept.
const TAIL: usize = 4 << 10;
/// How long a message about memory may be behind the news of a death.
const BEHIND: Duration = Duration::from_millis(250);
/// How V8 says that its heap is full.
const HEAP_FULL: &[u8] = b"heap out of memory";
/// What V8 ends a process by when its heap is full: SIGILL, SIGTRAP, SIGABRT or SIGSEGV.
const FATAL: [i32; 4] = [4, 5, 6, 11];

/// Containers that this server holds, and where those go that it doesn't any more.
pub(super) struct Held {
    ids: Mutex<HashSet<String>>,
    let_go: mpsc::UnboundedSender<String>,
}

impl Held {
    /// None yet. What is let go arrives at the receiver, to be removed.
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<String>) {
        let (let_go, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { ids: Mutex::default(), let_go }), receiver)
    }

    /// Whether this container is held.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // No method panics while it holds the lock.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a container that exists. Dropping it lets the container go.
pub(super) struct Hold {
    id: String,
    held: Arc<Held>,
}

impl Hold {
    /// Holds it from now on.
    pub(super) fn new(held: &Arc<Held>, id: String) -> Self {
        held.lock().insert(id.clone());
        Self { id, held: Arc::clone(held) }
    }

    /// The daemon's name for it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let id = std::mem::take(&mut self.id);
        self.held.lock().remove(&id);
        // Nobody removes any more: the server has ended, and the container ends with its input.
        self.held.let_go.send(id).ok();
    }
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A running container. Dropping it ends it: its input ends.
pub(super) struct Container {
    /// What comes out of it.
    pub(super) ears: Attached,
    /// Its input.
    pub(super) mouth: Pin<Box<dyn AsyncWrite + Send>>,
    /// What the frames of the call begin with.
    pub(super) nonce: [u8; SEAL],
    /// What the frames around the call begin with.
    pub(super) seal: [u8; SEAL],
    /// Dropped last, when the streams have been closed.
    pub(super) _hold: Hold,
}

impl Container {
    /// Whether it still waits for its call. One that has anything to say before it was asked doesn't.
    pub(super) fn waits(&mut self) -> bool {
        let (mut frames, mut printed) = (Vec::new(), Vec::new());
        self.ears.hear(&mut frames, &mut printed).now_or_never().is_none()
    }
}

impl Sandbox for Container {
    type Ears = Attached;
    type Mouth = Pin<Box<dyn AsyncWrite + Send>>;

    // What runs inside can't stop itself.
    const GRACE: Duration = Duration::ZERO;

    fn streams(&mut self) -> (&mut Self::Ears, &mut Self::Mouth) {
        (&mut self.ears, &mut self.mouth)
    }

    fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    fn admits(&self, kind: u8, seal: &[u8]) -> bool {
        seal == if ROUND.contains(&kind) { self.seal } else { self.nonce }
    }

    async fn ending(&mut self, said: Option<Ending>) -> Option<Ending> {
        match said {
            Some(Ending::Signaled(signal)) if FATAL.contains(&signal) => {
                let full = self.ears.says(HEAP_FULL).await;
                Some(if full { Ending::OutOfMemory } else { Ending::Signaled(signal) })
            }
            said => said,
        }
    }
}

/// What comes out of a container: frames on its standard output, the log on its standard error.
pub(super) struct Attached {
    output: Output,
    tail: Vec<u8>,
}

impl Attached {
    /// From the daemon's stream.
    pub(super) fn new(output: Output) -> Self {
        Self { output, tail: Vec::new() }
    }

    /// What was printed last.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Whether this was among what was printed last, or comes soon.
    async fn says(&mut self, words: &[u8]) -> bool {
        let said = |tail: &[u8]| tail.windows(words.len()).any(|window| window == words);
        let listen = async {
            while !said(&self.tail) {
                if !self.hear(&mut Vec::new(), &mut Vec::new()).await {
                    return said(&self.tail);
                }
            }
            true
        };
        tokio::time::timeout(BEHIND, listen).await.unwrap_or(false)
    }
}

impl Ears for Attached {
    async fn hear(&mut self, frames: &mut Vec<u8>, printed: &mut Vec<u8>) -> bool {
        match self.output.next().await {
            Some(Ok(LogOutput::StdOut { message })) => frames.extend_from_slice(&message),
            Some(Ok(LogOutput::StdErr { message } | LogOutput::Console { message })) => {
                printed.extend_from_slice(&message);
                let kept = message.len().saturating_sub(TAIL);
                self.tail.extend_from_slice(message.get(kept..).unwrap_or_default());
                let over = self.tail.len().saturating_sub(TAIL);
                self.tail.drain(..over);
            }
            Some(Ok(LogOutput::StdIn { .. })) => {}
            Some(Err(_)) | None => return false,
        }
        true
    }
}
