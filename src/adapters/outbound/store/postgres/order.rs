//! Keeps what is told of one name in order, though two tasks tell it: the writer, of this process's own
//! writes, and the listener, of what it read after others' announcements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::adapters::outbound::store::feed::Feed;
use crate::domain::tool::{Revision, ToolName};
use crate::ports::{BoxStream, StoreEvent};

/// A feed that never goes back: what is older than what was told already is left out.
#[derive(Debug)]
pub(super) struct OrderedFeed {
    feed: Feed<StoreEvent>,
    told: Mutex<HashMap<ToolName, Told>>,
}

/// The newest thing told of a name. Deletion comes after the revision that it deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    revision: Revision,
    deleted: bool,
}

impl OrderedFeed {
    pub(super) fn new() -> Self {
        Self { feed: Feed::new(StoreEvent::Resync), told: Mutex::default() }
    }

    pub(super) fn publish(&self, event: StoreEvent) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, now) = match &event {
            StoreEvent::Put(record) => {
                (&record.name, Told { revision: record.revision, deleted: false })
            }
            StoreEvent::Removed(name, revision) => {
                (name, Told { revision: *revision, deleted: true })
            }
            StoreEvent::Resync => {
                told.clear();
                return self.feed.publish(event);
            }
        };
        if told.get(name).is_none_or(|last| *last < now) {
            told.insert(name.clone(), now);
            self.feed.publish(event);
        }
    }

    pub(super) fn subscribe(&self) -> BoxStream<StoreEvent> {
        self.feed.subscribe()
    }
}
