//! Attachments in memory: the executable specification of the port, and what use cases are tested on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::change_signal::ChangeSignal;
use crate::domain::upstream::{Alias, Attachment};
use crate::ports::{AttachmentStore, BoxStream, StoreError};

/// Keeps attachments for the life of the process.
#[derive(Debug, Default)]
pub struct MemoryAttachments {
    kept: Mutex<BTreeMap<Alias, Attachment>>,
    signal: ChangeSignal,
}

impl MemoryAttachments {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Alias, Attachment>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AttachmentStore for MemoryAttachments {
    async fn list(&self) -> Result<Vec<Attachment>, StoreError> {
        Ok(self.kept().values().cloned().collect())
    }

    async fn insert(
        &self,
        attachment: &Attachment,
        capacity: usize,
        replacing: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let there = kept.get(&attachment.alias).map(|there| there.id.as_str());
        match (there, replacing) {
            (Some(id), Some(replaced)) if id == replaced => {}
            (Some(_), _) => return Err(StoreError::Exists),
            (None, Some(_)) => return Err(StoreError::Conflict { actual: None }),
            (None, None) if kept.len() >= capacity => return Err(StoreError::Full { capacity }),
            (None, None) => {}
        }
        kept.insert(attachment.alias.clone(), attachment.clone());
        self.signal.notify();
        Ok(())
    }

    async fn remove(&self, alias: &Alias) -> Result<bool, StoreError> {
        let removed = self.kept().remove(alias).is_some();
        if removed {
            self.signal.notify();
        }
        Ok(removed)
    }

    fn watch(&self) -> BoxStream<()> {
        self.signal.follow()
    }
}
