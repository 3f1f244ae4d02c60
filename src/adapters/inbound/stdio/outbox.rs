//! What is on its way to the client: written by one task, in order, as fast as the client reads.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, watch};

/// Bytes that may wait before everybody who sends has to wait too.
const FULL: usize = 4 * 1024 * 1024;

/// A buffer that has grown beyond this is given back.
const KEEP: usize = 1024 * 1024;

/// The bytes that wait, and how the writer is.
#[derive(Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    /// There are bytes, or there will be no more.
    work: Notify,
    level: watch::Sender<Level>,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
}

#[derive(Default)]
struct Level {
    /// Bytes pushed and not yet written.
    waiting: usize,
    /// Nobody who sends has to wait any more.
    released: bool,
    /// Nothing will be written any more.
    ended: bool,
}

impl Outbox {
    /// Adds bytes, which are whole lines.
    pub(super) fn push(&self, bytes: Vec<u8>) -> io::Result<()> {
        let length = bytes.len();
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.closed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if queue.bytes.is_empty() {
                queue.bytes = bytes;
            } else {
                queue.bytes.extend(bytes);
            }
            self.level.send_modify(|level| level.waiting += length);
        }
        self.work.notify_one();
        Ok(())
    }

    /// Waits until there is room. An error: nothing will be written any more.
    pub(super) async fn room(&self) -> io::Result<()> {
        let mut level = self.level.subscribe();
        let has_room = |level: &Level| level.ended || level.released || level.waiting < FULL;
        let level = level.wait_for(has_room).await;
        match level {
            Ok(level) if !level.ended => Ok(()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Holds nobody back any more: what is still to come is the last, and the SDK would wait long for it to
    /// leave.
    pub(super) fn release(&self) {
        self.level.send_modify(|level| level.released = true);
    }

    /// Waits until nothing will be written any more, because the client is gone.
    pub(super) async fn ended(&self) {
        let mut level = self.level.subscribe();
        // An error would mean that the outbox itself is gone.
        drop(level.wait_for(|level| level.ended).await);
    }

    /// Takes no more; returns when all is written, or after `patience`.
    pub(super) async fn finish(&self, patience: Duration) {
        self.close();
        if tokio::time::timeout(patience, self.ended()).await.is_err() {
            tracing::warn!("the client does not read; its last answers are dropped");
            self.end();
        }
    }

    /// The writer's task.
    pub(super) async fn write_to(self: Arc<Self>, output: impl AsyncWrite + Unpin) {
        let written = async {
            let mut writing = pin!(self.write(output));
            tokio::select! {
                result = &mut writing => result,
                () = self.ended() => Ok(()),
            }
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "the client no longer reads");
        }
        self.close();
        self.end();
    }

    async fn write(&self, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let closed = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(&mut queue.bytes, &mut bytes);
                queue.closed
            };
            if bytes.is_empty() {
                if closed {
                    return Ok(());
                }
                self.work.notified().await;
                continue;
            }
            output.write_all(&bytes).await?;
            output.flush().await?;
            self.level.send_modify(|level| level.waiting -= bytes.len());
            bytes.clear();
            bytes.shrink_to(KEEP);
        }
    }

    fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.work.notify_one();
    }

    fn end(&self) {
        self.level.send_modify(|level| level.ended = true);
    }
}
