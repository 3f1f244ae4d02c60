//! Where attachments of other MCP servers are kept.

use async_trait::async_trait;

use super::{BoxStream, StoreError};
use crate::domain::upstream::{Alias, Attachment};

/// Keeps attachments, one for each alias.
///
/// Every method MUST be safe to call from any number of tasks and, where the store is shared, processes. A
/// write that returned `Ok` MUST survive a crash of the process where the store is durable. Attachments hold
/// secrets: no error, log or debug output MUST show what is stored, and files MUST be for their owner only.
#[async_trait]
pub trait AttachmentStore: Send + Sync {
    /// Every attachment, sorted by alias. One that can't be read MUST NOT hide the others.
    async fn list(&self) -> Result<Vec<Attachment>, StoreError>;

    /// Keeps an attachment. MUST refuse with [`StoreError::Exists`] where its alias is taken, unless by the
    /// attachment whose `id` is `replacing`, whose place it then takes; with [`StoreError::Conflict`] where that
    /// one is no longer there; and with [`StoreError::Full`] where `capacity` others are kept: all three hold
    /// under races.
    async fn insert(
        &self,
        attachment: &Attachment,
        capacity: usize,
        replacing: Option<&str>,
    ) -> Result<(), StoreError>;

    /// Forgets the attachment of this alias; `false`: there was none.
    async fn remove(&self, alias: &Alias) -> Result<bool, StoreError>;

    /// Wakes when something was changed, by whichever handle or process, and when changes may have been missed.
    /// Several changes may come as one.
    fn watch(&self) -> BoxStream<()>;
}
