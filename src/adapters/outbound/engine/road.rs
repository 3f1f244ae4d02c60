//! Frames to and from a sandbox, neither of which ever waits for the other.

use tokio::io::AsyncWriteExt as _;

use super::frame::{self, Frame, HEADER};
use super::protocol::{MAX_TO_WORKER, ToWorker};
use super::sandbox::{Ears as _, Ending, Sandbox};

/// Bytes of room for a frame's beginning, at least.
const CHUNK: usize = 4 << 10;

/// What came of listening.
pub(super) enum Hearing {
    /// A frame.
    Frame(Frame),
    /// Something that the code wrote to standard output or error.
    Printed(Vec<u8>),
    /// A frame over the limit, or from somebody else than it should be.
    Nonsense,
    /// The other end has gone.
    End,
}

/// See the module.
pub(super) struct Road<'a, S: Sandbox> {
    sandbox: &'a mut S,
    seal: usize,
    max: usize,
    heard: Vec<u8>,
    printed: Vec<u8>,
    to_say: Vec<u8>,
    said: usize,
}

impl<'a, S: Sandbox> Road<'a, S> {
    /// `max`: the longest body that may come.
    pub(super) fn new(sandbox: &'a mut S, max: usize) -> Self {
        let to_say = sandbox.nonce().to_vec();
        let seal = to_say.len();
        let (heard, printed) = (Vec::new(), Vec::new());
        Self { sandbox, seal, max: max + seal, heard, printed, to_say, said: 0 }
    }

    /// As [`new`](Self::new), and says nothing at first.
    pub(super) fn to_listen(sandbox: &'a mut S, max: usize) -> Self {
        let mut road = Self::new(sandbox, max);
        road.to_say.clear();
        road
    }

    /// Queues a frame; refuses one that no worker would read.
    pub(super) fn say(&mut self, what: &ToWorker) -> std::io::Result<()> {
        let frame = what.encode()?;
        if frame.len() > HEADER + MAX_TO_WORKER {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        if self.to_say.is_empty() {
            self.to_say = frame;
        } else {
            self.to_say.extend_from_slice(&frame);
        }
        Ok(())
    }

    /// Sends what is queued until something comes. Can be dropped at any point without losing a byte.
    pub(super) async fn pass(&mut self) -> Hearing {
        loop {
            if !self.printed.is_empty() {
                return Hearing::Printed(std::mem::take(&mut self.printed));
            }
            match self.frame() {
                Ok(Some(frame)) => return Hearing::Frame(frame),
                Ok(None) => {}
                Err(_) => return Hearing::Nonsense,
            }
            let pending = self.to_say.get(self.said..).unwrap_or_default();
            let (ears, mouth) = self.sandbox.streams();
            tokio::select! {
                more = ears.hear(&mut self.heard, &mut self.printed) => if !more {
                    return Hearing::End;
                },
                // A worker that no longer listens may still have something to say.
                wrote = mouth.write(pending), if !pending.is_empty() => match wrote {
                    Ok(count) if count > 0 => {
                        self.said += count;
                        if self.said >= self.to_say.len() {
                            self.to_say.clear();
                            self.said = 0;
                        }
                    }
                    Ok(_) | Err(_) => {
                        self.to_say.clear();
                        self.said = 0;
                    }
                },
            }
        }
    }

    /// A frame that is there whole.
    fn frame(&mut self) -> std::io::Result<Option<Frame>> {
        let Some(head) = self.heard.first_chunk::<HEADER>() else {
            self.heard.reserve(CHUNK);
            return Ok(None);
        };
        let (kind, length) = frame::header(*head, self.max)?;
        let (whole, around) = (HEADER + length, HEADER + self.seal);
        // Before the rest is there: of what somebody else wrote it may never come.
        let seal = self.heard.get(HEADER..around);
        if length < self.seal || seal.is_some_and(|seal| !self.sandbox.admits(kind, seal)) {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if self.heard.len() < whole {
            self.heard.reserve((whole - self.heard.len()).max(CHUNK));
            return Ok(None);
        }
        let rest = self.heard.split_off(whole);
        let mut body = std::mem::replace(&mut self.heard, rest);
        body.drain(..around);
        Ok(Some(Frame { kind, body }))
    }

    /// How the process ended: it said `said`, or has gone.
    pub(super) async fn ending(&mut self, said: Option<Ending>) -> Option<Ending> {
        self.sandbox.ending(said).await
    }
}
