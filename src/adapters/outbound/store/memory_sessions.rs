//! Sessions in memory: the executable specification of the port, and what the transport is tested on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::feed::Feed;
use crate::domain::LogLevel;
use crate::ports::{
    BoxStream, SessionEvent, SessionKey, SessionStore, SessionStoreError, StoredSession,
};

/// Keeps sessions for the life of the process.
#[derive(Debug)]
pub struct MemorySessionStore {
    sessions: Mutex<HashMap<SessionKey, Entry>>,
    feed: Feed<SessionEvent>,
}

#[derive(Debug)]
struct Entry {
    session: StoredSession,
    expires: Instant,
}

impl Entry {
    fn is_live(&self) -> bool {
        self.expires > Instant::now()
    }
}

impl Default for MemorySessionStore {
    fn default() -> Self {
        Self { sessions: Mutex::default(), feed: Feed::new(SessionEvent::Resync) }
    }
}

impl MemorySessionStore {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionKey, Entry>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for MemorySessionStore {
    async fn insert(
        &self,
        key: &SessionKey,
        session: &StoredSession,
        ttl: Duration,
    ) -> Result<(), SessionStoreError> {
        let new = || Entry { session: session.clone(), expires: Instant::now() + ttl };
        self.sessions().entry(*key).or_insert_with(new);
        Ok(())
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<StoredSession>, SessionStoreError> {
        let sessions = self.sessions();
        let live = sessions.get(key).filter(|entry| entry.is_live());
        Ok(live.map(|entry| entry.session.clone()))
    }

    async fn touch(
        &self,
        asked: &[(SessionKey, Duration)],
    ) -> Result<Vec<SessionKey>, SessionStoreError> {
        let mut sessions = self.sessions();
        let mut gone = Vec::new();
        for (key, time) in asked {
            match sessions.get_mut(key).filter(|entry| entry.is_live()) {
                Some(entry) => entry.expires = entry.expires.max(Instant::now() + *time),
                None => gone.push(*key),
            }
        }
        Ok(gone)
    }

    async fn set_log_level(
        &self,
        key: &SessionKey,
        level: LogLevel,
    ) -> Result<(), SessionStoreError> {
        if let Some(entry) = self.sessions().get_mut(key) {
            entry.session.log_level = Some(level);
            self.feed.publish(SessionEvent::LogLevel(*key, level));
        }
        Ok(())
    }

    async fn remove(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let removed = self.sessions().remove(key);
        if removed.is_some() {
            self.feed.publish(SessionEvent::Ended(*key));
        }
        Ok(removed.is_some_and(|entry| entry.is_live()))
    }

    async fn cancel(&self, key: &SessionKey, request: &str) -> Result<(), SessionStoreError> {
        self.feed.publish(SessionEvent::Cancelled(*key, request.to_owned()));
        Ok(())
    }

    async fn sweep(&self) -> Result<u64, SessionStoreError> {
        let mut sessions = self.sessions();
        let before = sessions.len();
        sessions.retain(|_, entry| entry.is_live());
        Ok((before - sessions.len()) as u64)
    }

    fn watch(&self) -> BoxStream<SessionEvent> {
        self.feed.subscribe()
    }
}
