//! Frames to and from a sandbox, neither of which ever waits for the other.

use tokio::io::AsyncWriteExt as _;

use super::frame::{self, Frame, HEADER};
use super::protocol::{MAX_TO_WORKER, ToWorker};
use super::sandbox::{Ending, Receive as _, Sandbox};

/// Bytes of room for a frame's beginning, at least.
const CHUNK: usize = 4 << 10;

/// What came.
pub(super) enum Received {
    /// A frame.
    Frame(Frame),
    /// Something that the code wrote to standard output or error.
    Printed(Vec<u8>),
    /// A frame over the limit, or from somebody else than it should be.
    Malformed,
    /// The other end has gone.
    Closed,
}

/// See the module.
pub(super) struct Channel<'a, S: Sandbox> {
    sandbox: &'a mut S,
    seal: usize,
    max: usize,
    input: Vec<u8>,
    printed: Vec<u8>,
    output: Vec<u8>,
    written: usize,
}

impl<'a, S: Sandbox> Channel<'a, S> {
    /// `max`: the longest body that may come.
    pub(super) fn new(sandbox: &'a mut S, max: usize) -> Self {
        let output = sandbox.nonce().to_vec();
        let seal = output.len();
        let (input, printed) = (Vec::new(), Vec::new());
        Self { sandbox, seal, max: max + seal, input, printed, output, written: 0 }
    }

    /// As [`new`](Self::new), and sends nothing at first.
    pub(super) fn receiving(sandbox: &'a mut S, max: usize) -> Self {
        let mut channel = Self::new(sandbox, max);
        channel.output.clear();
        channel
    }

    /// Queues a frame; refuses one that no worker would read.
    pub(super) fn send(&mut self, message: &ToWorker) -> std::io::Result<()> {
        let frame = message.encode()?;
        if frame.len() > HEADER + MAX_TO_WORKER {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        if self.output.is_empty() {
            self.output = frame;
        } else {
            self.output.extend_from_slice(&frame);
        }
        Ok(())
    }

    /// Sends what is queued until something comes. Can be dropped at any point without losing a byte.
    pub(super) async fn receive(&mut self) -> Received {
        loop {
            if !self.printed.is_empty() {
                return Received::Printed(std::mem::take(&mut self.printed));
            }
            match self.frame() {
                Ok(Some(frame)) => return Received::Frame(frame),
                Ok(None) => {}
                Err(_) => return Received::Malformed,
            }
            let pending = self.output.get(self.written..).unwrap_or_default();
            let (reader, writer) = self.sandbox.streams();
            tokio::select! {
                more = reader.receive(&mut self.input, &mut self.printed) => if !more {
                    return Received::Closed;
                },
                // A worker that no longer reads may still write.
                wrote = writer.write(pending), if !pending.is_empty() => match wrote {
                    Ok(count) if count > 0 => {
                        self.written += count;
                        if self.written >= self.output.len() {
                            self.output.clear();
                            self.written = 0;
                        }
                    }
                    Ok(_) | Err(_) => {
                        self.output.clear();
                        self.written = 0;
                    }
                },
            }
        }
    }

    /// A frame that is there whole.
    fn frame(&mut self) -> std::io::Result<Option<Frame>> {
        let Some(head) = self.input.first_chunk::<HEADER>() else {
            self.input.reserve(CHUNK);
            return Ok(None);
        };
        let (kind, length) = frame::header(*head, self.max)?;
        let (whole, around) = (HEADER + length, HEADER + self.seal);
        // Before the rest is there: of what somebody else wrote it may never come.
        let seal = self.input.get(HEADER..around);
        if length < self.seal || seal.is_some_and(|seal| !self.sandbox.admits(kind, seal)) {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if self.input.len() < whole {
            self.input.reserve((whole - self.input.len()).max(CHUNK));
            return Ok(None);
        }
        let rest = self.input.split_off(whole);
        let mut body = std::mem::replace(&mut self.input, rest);
        body.drain(..around);
        Ok(Some(Frame { kind, body }))
    }

    /// How the process ended: it said `said`, or has gone.
    pub(super) async fn ending(&mut self, said: Option<Ending>) -> Option<Ending> {
        self.sandbox.ending(said).await
    }
}
