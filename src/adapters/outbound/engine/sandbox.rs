//! A sandbox as a conversation has it, whatever it is made of: its output, its input, how it ended.

use std::future::Future;
use std::time::Duration;

use tokio::io::AsyncWrite;

/// A sandbox that is ready for one call. Dropping it ends it.
pub(super) trait Sandbox: Send {
    /// Its output.
    type Reader: Receive;
    /// Its input.
    type Writer: AsyncWrite + Send + Unpin;

    /// How long after its time is over it may still say so itself.
    const GRACE: Duration;

    /// How often something has to be sent to it, so that one that nobody reads in any more ends. `None`: its end is
    /// noticed without.
    const HEARTBEAT: Option<Duration>;

    /// Output and input.
    fn streams(&mut self) -> (&mut Self::Reader, &mut Self::Writer);

    /// What is sent to it before the first frame, and what its frames begin their bodies with from then on.
    /// Empty where the code that it runs has no way to write where frames are read.
    fn nonce(&self) -> &[u8];

    /// Whether a frame of this kind, whose body begins with `seal`, is from who alone may send it.
    fn admits(&self, kind: u8, seal: &[u8]) -> bool;

    /// How it ended: it said `said`, or nothing more can be heard of it. `None` where nobody can say.
    fn ending(&mut self, said: Option<Ending>) -> impl Future<Output = Option<Ending>> + Send;
}

/// Reads what a sandbox writes.
pub(super) trait Receive: Send {
    /// Waits for more, and appends it: to `frames` what is part of frames, to `printed` what was written to
    /// standard output or error, which is never more than log. `false`: there is no more.
    ///
    /// Can be dropped at any point without losing a byte.
    fn receive(
        &mut self,
        frames: &mut Vec<u8>,
        printed: &mut Vec<u8>,
    ) -> impl Future<Output = bool> + Send;
}

/// How the process in a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// For want of memory.
    OutOfMemory,
}
