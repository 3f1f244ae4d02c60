//! One channel from a store to everybody who watches it.

use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::ports::BoxStream;

/// Events that a slow subscriber may lag behind before it is told to list again.
const BACKLOG: usize = 1024;

/// The sending end. Cheap to clone; every clone feeds the same subscribers.
#[derive(Debug, Clone)]
pub(super) struct Feed<E> {
    sender: broadcast::Sender<E>,
    resync: E,
}

impl<E: Clone + Send + 'static> Feed<E> {
    /// `resync`: what a subscriber is told that was too slow.
    pub(super) fn new(resync: E) -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), resync }
    }

    /// Never blocks; with no subscriber the event is gone.
    pub(super) fn publish(&self, event: E) {
        // An error only says that nobody is subscribed.
        self.sender.send(event).ok();
    }

    /// Events from now on; ends with the last sender.
    pub(super) fn subscribe(&self) -> BoxStream<E> {
        let subscriber = (self.sender.subscribe(), self.resync.clone());
        Box::pin(stream::unfold(subscriber, |(mut events, resync)| async {
            match events.recv().await {
                Ok(event) => Some((event, (events, resync))),
                Err(RecvError::Lagged(_)) => Some((resync.clone(), (events, resync))),
                Err(RecvError::Closed) => None,
            }
        }))
    }
}
