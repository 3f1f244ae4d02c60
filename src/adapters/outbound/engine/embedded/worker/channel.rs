//! The worker's channel to its host, whatever it is made of.

use std::io::{self, Read, Write};

use super::super::super::frame;
use super::super::super::protocol::{FromWorker, MAX_TO_WORKER, ToWorker};

/// The host has gone, or speaks another language: there is nobody left to work for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed;

/// Frames out and in, blocking. It needs no more of the system than reading and writing.
pub(super) trait Channel {
    /// Says something.
    fn send(&mut self, said: &FromWorker) -> Result<(), Closed>;
    /// Waits until the host says something.
    fn receive(&mut self) -> Result<ToWorker, Closed>;
}

/// A pair of streams.
pub(super) struct Streams<R, W>(pub(super) R, pub(super) W);

impl<R: Read, W: Write> Channel for Streams<R, W> {
    fn send(&mut self, said: &FromWorker) -> Result<(), Closed> {
        let write = |to: &mut W, bytes: io::Result<Vec<u8>>| {
            to.write_all(&bytes?)?;
            to.flush()
        };
        write(&mut self.1, said.encode()).map_err(|_| Closed)
    }

    fn receive(&mut self) -> Result<ToWorker, Closed> {
        let frame = frame::read(&mut self.0, MAX_TO_WORKER).map_err(|_| Closed)?;
        ToWorker::decode(&frame).ok_or(Closed)
    }
}
