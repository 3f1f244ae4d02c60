//! One channel from a store to everybody who watches it.

use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::ports::{BoxStream, StoreEvent};

/// Events that a slow subscriber may lag behind before it is told to list again.
const BACKLOG: usize = 1024;

/// The sending end. Cheap to clone; every clone feeds the same subscribers.
#[derive(Debug, Clone)]
pub(super) struct Feed(broadcast::Sender<StoreEvent>);

impl Feed {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Never blocks; with no subscriber the event is gone.
    pub(super) fn publish(&self, event: StoreEvent) {
        // An error only says that nobody is subscribed.
        self.0.send(event).ok();
    }

    /// Events from now on; ends with the last sender.
    pub(super) fn subscribe(&self) -> BoxStream<StoreEvent> {
        Box::pin(stream::unfold(self.0.subscribe(), |mut events| async {
            match events.recv().await {
                Ok(event) => Some((event, events)),
                Err(RecvError::Lagged(_)) => Some((StoreEvent::Resync, events)),
                Err(RecvError::Closed) => None,
            }
        }))
    }
}
