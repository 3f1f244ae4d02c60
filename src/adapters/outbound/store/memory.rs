//! The store in memory: the executable specification of the port, and what use cases are tested on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::feed::Feed;
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{BoxStream, Listing, StoreError, StoreEvent, ToolStore};

/// Keeps tools for the life of the process.
#[derive(Debug)]
pub struct MemoryStore {
    names: Mutex<BTreeMap<ToolName, Entry>>,
    history: usize,
    feed: Feed<StoreEvent>,
}

/// What is kept of a name: its revisions, oldest first and never empty, and whether the newest is live.
#[derive(Debug)]
struct Entry {
    revisions: Vec<Arc<ToolRecord>>,
    live: bool,
}

impl Entry {
    fn newest(&self) -> Option<&Arc<ToolRecord>> {
        self.revisions.last()
    }

    fn live(&self) -> Option<&Arc<ToolRecord>> {
        self.newest().filter(|_| self.live)
    }

    fn push(&mut self, record: Arc<ToolRecord>, history: usize) {
        self.revisions.push(record);
        let surplus = self.revisions.len().saturating_sub(history);
        self.revisions.drain(..surplus);
        self.live = true;
    }
}

impl MemoryStore {
    /// An empty store that keeps the newest `history` revisions of each name, the live one included; at
    /// least one.
    pub fn new(history: usize) -> Self {
        Self {
            names: Mutex::new(BTreeMap::new()),
            history: history.max(1),
            feed: Feed::new(StoreEvent::Resync),
        }
    }

    /// Every write is complete before the lock is let go, so a panic elsewhere leaves nothing half done.
    fn names(&self) -> MutexGuard<'_, BTreeMap<ToolName, Entry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ToolStore for MemoryStore {
    async fn list(&self) -> Result<Listing, StoreError> {
        let names = self.names();
        let tools = names.values().filter_map(Entry::live).cloned().collect();
        Ok(Listing { tools, corrupt: Vec::new() })
    }

    async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError> {
        Ok(self.names().get(name).and_then(Entry::live).cloned())
    }

    async fn last_revision(&self, name: &ToolName) -> Result<Option<Revision>, StoreError> {
        let names = self.names();
        let newest = names.get(name).and_then(Entry::newest);
        Ok(newest.map(|record| record.revision))
    }

    async fn insert(&self, record: Arc<ToolRecord>, capacity: usize) -> Result<(), StoreError> {
        let mut names = self.names();
        let entry = names.get(&record.name);
        if entry.is_some_and(|entry| entry.live) {
            return Err(StoreError::Exists);
        }
        let last = entry.and_then(Entry::newest).map(|newest| newest.revision);
        if record.revision != last.map_or(Revision::FIRST, Revision::next) {
            return Err(StoreError::Conflict { actual: last });
        }
        if names.values().filter(|entry| entry.live).count() >= capacity {
            return Err(StoreError::Full { capacity });
        }
        let entry = names
            .entry(record.name.clone())
            .or_insert(Entry { revisions: Vec::new(), live: false });
        entry.push(Arc::clone(&record), self.history);
        self.feed.publish(StoreEvent::Put(record));
        Ok(())
    }

    async fn replace(&self, record: Arc<ToolRecord>, seen: Revision) -> Result<(), StoreError> {
        let mut names = self.names();
        let entry = live_at(&mut names, &record.name, seen)?;
        entry.push(Arc::clone(&record), self.history);
        self.feed.publish(StoreEvent::Put(record));
        Ok(())
    }

    async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError> {
        let mut names = self.names();
        live_at(&mut names, name, seen)?.live = false;
        self.feed.publish(StoreEvent::Removed(name.clone(), seen));
        Ok(())
    }

    async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError> {
        let names = self.names();
        let revisions = names.get(name).map_or(&[][..], |entry| &entry.revisions);
        Ok(revisions.iter().rev().take(limit).cloned().collect())
    }

    fn watch(&self) -> BoxStream<StoreEvent> {
        self.feed.subscribe()
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The entry of a live tool whose newest revision is `seen`.
fn live_at<'names>(
    names: &'names mut BTreeMap<ToolName, Entry>,
    name: &ToolName,
    seen: Revision,
) -> Result<&'names mut Entry, StoreError> {
    let entry = names.get_mut(name).filter(|entry| entry.live);
    let entry = entry.ok_or(StoreError::Conflict { actual: None })?;
    match entry.newest() {
        Some(newest) if newest.revision == seen => Ok(entry),
        newest => Err(StoreError::Conflict { actual: newest.map(|newest| newest.revision) }),
    }
}
