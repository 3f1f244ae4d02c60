//! Keeps what is told of one name in order, though two tasks tell it: the writer, of this process's own
//! writes, and the listener, of what it read after others' announcements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::outbound::store::feed::Feed;
use crate::domain::tool::{Revision, ToolName};
use crate::ports::{BoxStream, StoreEvent};

/// How long it is remembered what was told, at least. A statement's answer is not waited for so long, and so nothing
/// older can come after it.
const MEMORY: Duration = Duration::from_secs(30);

/// A feed that never goes back: what is older than what was told already is left out.
#[derive(Debug)]
pub(super) struct OrderedFeed {
    feed: Feed<StoreEvent>,
    told: Mutex<Memory>,
}

/// The newest thing told of a name. Deletion comes after the revision that it deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Announced {
    revision: Revision,
    deleted: bool,
}

/// What was told of late. Two maps, of which the older is forgotten when the newer has reached its age: in a process
/// that never ends, names come without end.
#[derive(Debug)]
struct Memory {
    since: Instant,
    newer: HashMap<ToolName, Announced>,
    older: HashMap<ToolName, Announced>,
}

impl Memory {
    fn new() -> Self {
        Self { since: Instant::now(), newer: HashMap::new(), older: HashMap::new() }
    }

    /// Notes it; false where that, or something newer, was told already.
    fn is_news(&mut self, name: &ToolName, now: Announced) -> bool {
        if self.since.elapsed() >= MEMORY {
            self.older = std::mem::take(&mut self.newer);
            self.since = Instant::now();
        }
        let last = self.newer.get(name).or_else(|| self.older.get(name));
        let is_news = last.is_none_or(|last| *last < now);
        if is_news {
            self.newer.insert(name.clone(), now);
        }
        is_news
    }
}

impl OrderedFeed {
    pub(super) fn new() -> Self {
        Self { feed: Feed::new(StoreEvent::Resync), told: Mutex::new(Memory::new()) }
    }

    pub(super) fn publish(&self, event: StoreEvent) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = match &event {
            StoreEvent::Put(record) => {
                told.is_news(&record.name, Announced { revision: record.revision, deleted: false })
            }
            StoreEvent::Removed(name, revision) => {
                told.is_news(name, Announced { revision: *revision, deleted: true })
            }
            StoreEvent::Resync => {
                *told = Memory::new();
                true
            }
        };
        if is_news {
            self.feed.publish(event);
        }
    }

    pub(super) fn subscribe(&self) -> BoxStream<StoreEvent> {
        self.feed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn removed(name: &str, revision: u64) -> StoreEvent {
        let name = ToolName::parse_external(name).unwrap();
        StoreEvent::Removed(name, Revision::new(revision).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_is_left_out_and_what_was_told_long_ago_is_forgotten() {
        let feed = OrderedFeed::new();
        let mut events = feed.subscribe();
        let mut told = || matches!(events.next().now_or_never(), Some(Some(_)));
        feed.publish(removed("one.tool", 2));
        assert!(told());
        tokio::time::advance(MEMORY).await;
        // Neither what is older nor the same again, whichever map it is in.
        for revision in [1, 2] {
            feed.publish(removed("one.tool", revision));
            assert!(!told());
        }
        feed.publish(removed("one.tool", 3));
        assert!(told());
        for number in 0..100 {
            feed.publish(removed(&format!("other.tool{number}"), 1));
        }
        for _ in 0..2 {
            tokio::time::advance(MEMORY).await;
            feed.publish(removed("last.tool", 1));
        }
        let memory = feed.told.lock().unwrap();
        assert_eq!(memory.newer.len() + memory.older.len(), 1, "{memory:?}");
    }
}
