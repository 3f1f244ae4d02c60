//! One container, for one call, as the host holds it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use futures_util::{FutureExt as _, StreamExt as _};

use super::super::sandbox::{Ending, Receive, Sandbox};
use super::pool::Waits;
use crate::adapters::outbound::docker::{Container, Input, Output, Removal};

/// Bytes of a nonce or seal.
pub(super) const SEAL: usize = 16;
/// The frames of the runner's start and of the shell around it, whose seal is the container's own.
const AROUND: [u8; 2] = [b'H', b'X'];
/// How much of what was printed last is kept: V8's last words with the calls that led to them.
const TAIL: usize = 16 << 10;
/// How long a message about memory may be behind the news of a death.
const BEHIND: Duration = Duration::from_millis(250);
/// How V8 and the C++ below it say that there is no memory left.
const HEAP_FULL: [&[u8]; 3] = [b"out of memory", b"std::bad_alloc", b"invalid size error"];
/// What V8 ends a process by when its heap is full: SIGILL, SIGTRAP, SIGABRT or SIGSEGV.
const FATAL: [i32; 4] = [4, 5, 6, 11];

/// The containers that this engine holds, by their identifiers.
#[derive(Default)]
pub(super) struct Held(Mutex<HashSet<String>>);

impl Held {
    /// Whether this container is held.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    /// Holds it from now on, until what comes back is dropped.
    pub(super) fn hold(self: &Arc<Self>, id: &str) -> Hold {
        self.lock().insert(id.to_owned());
        Hold { id: id.to_owned(), held: Arc::clone(self) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // No method panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a container.
pub(super) struct Hold {
    id: String,
    held: Arc<Held>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().remove(&self.id);
    }
}

/// A running container that is ready for one call. Dropping it ends it.
pub(super) struct Ready {
    reader: Attached,
    writer: Input,
    nonce: [u8; SEAL],
    seal: [u8; SEAL],
    _container: Removal,
    _hold: Hold,
}

impl Ready {
    /// `nonce`: what the frames of the call begin with; `seal`: what those around it begin with.
    pub(super) fn new(
        container: Container,
        nonce: [u8; SEAL],
        seal: [u8; SEAL],
        hold: Hold,
    ) -> Self {
        let Container { input: writer, output, removal } = container;
        let reader = Attached { output, tail: Vec::new() };
        Self { reader, writer, nonce, seal, _container: removal, _hold: hold }
    }

    /// What it printed last.
    pub(super) fn tail(&self) -> &[u8] {
        &self.reader.tail
    }
}

impl Waits for Ready {
    // One that has anything to say before it was asked doesn't wait any more.
    fn waits(&mut self) -> bool {
        let (mut frames, mut printed) = (Vec::new(), Vec::new());
        self.reader.receive(&mut frames, &mut printed).now_or_never().is_none()
    }
}

impl Sandbox for Ready {
    type Reader = Attached;
    type Writer = Input;

    // What runs inside can't stop itself.
    const GRACE: Duration = Duration::ZERO;
    // Code that kills all that it can reach leaves only the first process, which ends when nobody reads what it passes on.
    const HEARTBEAT: Option<Duration> = Some(Duration::from_secs(1));

    fn streams(&mut self) -> (&mut Self::Reader, &mut Self::Writer) {
        (&mut self.reader, &mut self.writer)
    }

    fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    fn admits(&self, kind: u8, seal: &[u8]) -> bool {
        seal == if AROUND.contains(&kind) { self.seal } else { self.nonce }
    }

    async fn ending(&mut self, said: Option<Ending>) -> Option<Ending> {
        match said {
            Some(Ending::Signaled(signal)) if FATAL.contains(&signal) => {
                let full = self.reader.says(&HEAP_FULL).await;
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
    /// Whether one of these was among what was printed last, or comes soon.
    async fn says(&mut self, any: &[&[u8]]) -> bool {
        let said = |tail: &[u8]| {
            any.iter().any(|words| tail.windows(words.len()).any(|window| window == *words))
        };
        let listen = async {
            while !said(&self.tail) {
                if !self.receive(&mut Vec::new(), &mut Vec::new()).await {
                    return said(&self.tail);
                }
            }
            true
        };
        tokio::time::timeout(BEHIND, listen).await.unwrap_or(false)
    }
}

impl Receive for Attached {
    async fn receive(&mut self, frames: &mut Vec<u8>, printed: &mut Vec<u8>) -> bool {
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
