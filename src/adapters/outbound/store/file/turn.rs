//! A request to one of the store's threads: it waits for its turn, but not for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::error::{closed, held, unavailable};
use crate::ports::StoreError;

/// A request that hasn't begun by then is given up: another process, perhaps a stopped one, holds the file.
pub(super) const BEGIN_WITHIN: Duration = Duration::from_secs(5);

/// A request that has begun is answered by then, or its outcome is unknown.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The thread's end: take the turn, then answer.
#[derive(Debug)]
pub(super) struct Turn<T> {
    taken: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// The caller's end.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    taken: Arc<AtomicBool>,
    reply: oneshot::Receiver<Result<T, StoreError>>,
}

pub(super) fn turn<T>() -> (Turn<T>, Waiting<T>) {
    let taken = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = oneshot::channel();
    (Turn { taken: Arc::clone(&taken), reply: sender }, Waiting { taken, reply: receiver })
}

impl<T> Turn<T> {
    /// Whether nobody waits any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }

    /// Takes the turn. False: nobody waits any more, so nothing may be done.
    pub(super) fn take(&self) -> bool {
        !self.is_given_up() && !self.taken.swap(true, Ordering::AcqRel)
    }

    pub(super) fn answer(self, result: Result<T, StoreError>) {
        // Whoever asked may have gone meanwhile.
        self.reply.send(result).ok();
    }
}

impl<T> Waiting<T> {
    /// The answer, once it comes.
    pub(super) async fn answer(mut self) -> Result<T, StoreError> {
        if let Ok(answer) = timeout(BEGIN_WITHIN, &mut self.reply).await {
            return answer.unwrap_or_else(|_| Err(closed()));
        }
        if !self.taken.swap(true, Ordering::AcqRel) {
            return Err(held());
        }
        match timeout(END_WITHIN, &mut self.reply).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(closed())),
            Err(_) => Err(unavailable("its file does not answer; it may have done it")),
        }
    }
}
