//! Frames to and from a worker, neither of which ever waits for the other.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::frame::{self, Frame, HEADER};
use super::process::{Ending, Worker};
use super::protocol::{MAX_TO_WORKER, ToWorker};

/// Bytes read at once, at least.
const CHUNK: usize = 4 << 10;

/// What came of listening.
pub(super) enum Hearing {
    /// A frame.
    Frame(Frame),
    /// A frame over the limit.
    Nonsense,
    /// The other end has gone.
    End,
}

/// See the module.
pub(super) struct Road<'a> {
    worker: &'a mut Worker,
    max: usize,
    heard: Vec<u8>,
    to_say: Vec<u8>,
    said: usize,
}

impl<'a> Road<'a> {
    /// `max`: the longest body that may come.
    pub(super) fn new(worker: &'a mut Worker, max: usize) -> Self {
        Self { worker, max, heard: Vec::new(), to_say: Vec::new(), said: 0 }
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

    /// Sends what is queued until a frame comes. Can be dropped at any point without losing a byte.
    pub(super) async fn pass(&mut self) -> Hearing {
        loop {
            match self.frame() {
                Ok(Some(frame)) => return Hearing::Frame(frame),
                Ok(None) => {}
                Err(_) => return Hearing::Nonsense,
            }
            let pending = self.to_say.get(self.said..).unwrap_or_default();
            let worker = &mut *self.worker;
            tokio::select! {
                read = worker.reader.read_buf(&mut self.heard) => match read {
                    Ok(0) | Err(_) => return Hearing::End,
                    Ok(_) => {}
                },
                // A worker that no longer listens may still have something to say.
                wrote = worker.writer.write(pending), if !pending.is_empty() => match wrote {
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
        let whole = HEADER + length;
        if self.heard.len() < whole {
            self.heard.reserve((whole - self.heard.len()).max(CHUNK));
            return Ok(None);
        }
        let rest = self.heard.split_off(whole);
        let mut body = std::mem::replace(&mut self.heard, rest);
        body.drain(..HEADER);
        Ok(Some(Frame { kind, body }))
    }

    /// How the process ended.
    pub(super) async fn ending(&mut self) -> Option<Ending> {
        self.worker.process.ending().await
    }
}
