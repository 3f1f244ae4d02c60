//! A mailbox in memory: the executable specification of the port, and what its users are tested on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::feed::Feed;
use crate::ports::{BoxStream, Mailbox, StoreError};

/// How long a letter is kept that nobody takes.
const KEPT: Duration = Duration::from_hours(1);

/// A mailbox within the process.
#[derive(Debug)]
pub struct MemoryMailbox {
    letters: Mutex<HashMap<String, (Instant, String)>>,
    feed: Feed<String>,
}

impl Default for MemoryMailbox {
    fn default() -> Self {
        Self { letters: Mutex::default(), feed: Feed::new(String::new()) }
    }
}

impl MemoryMailbox {
    fn letters(&self) -> MutexGuard<'_, HashMap<String, (Instant, String)>> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.retain(|_, (left, _)| left.elapsed() < KEPT);
        letters
    }
}

#[async_trait]
impl Mailbox for MemoryMailbox {
    async fn post(&self, name: &str, letter: &str) -> Result<(), StoreError> {
        self.letters().insert(name.to_owned(), (Instant::now(), letter.to_owned()));
        self.feed.publish(name.to_owned());
        Ok(())
    }

    async fn take(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.letters().remove(name).map(|(_, letter)| letter))
    }

    fn watch(&self) -> BoxStream<String> {
        self.feed.subscribe()
    }
}
