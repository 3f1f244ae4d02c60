//! The registry's store: a dumb compare-and-swap. The rules live in the domain, once.

use std::sync::Arc;

use async_trait::async_trait;

use super::{BoxError, BoxStream};
use crate::domain::tool::{Revision, ToolName, ToolRecord};

/// Keeps tools and their history.
///
/// Every method MUST be safe to call from any number of tasks and, where the store is shared, processes. A
/// write that returned `Ok` MUST survive a crash of the process where the store is durable. A future that
/// is dropped, or that ends in [`StoreError::Unavailable`], MUST leave the store either as it was or changed
/// completely.
#[async_trait]
pub trait ToolStore: Send + Sync {
    /// Everything that is there, sorted by name. A record that can't be read, or fails its digest, MUST
    /// be named in `corrupt` and MUST NOT hide the others.
    async fn list(&self) -> Result<Listing, StoreError>;

    /// One tool. `Ok(None)`: no such tool (or a deleted one). A record that can't be read, or fails its
    /// digest, is [`StoreError::Corrupt`].
    async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError>;

    /// The newest revision that a tool of this name has or, if it was deleted, had.
    async fn last_revision(&self, name: &ToolName) -> Result<Option<Revision>, StoreError>;

    /// Adds a tool and its first history entry. MUST refuse with [`StoreError::Exists`] where the name is
    /// live, with [`StoreError::Conflict`] where the name's last revision is not the one just before the
    /// record's, and with [`StoreError::Full`] where `capacity` tools are live: all three hold under races.
    async fn insert(&self, record: Arc<ToolRecord>, capacity: usize) -> Result<(), StoreError>;

    /// Puts a tool's next revision in the place of `seen`. MUST change nothing and say
    /// [`StoreError::Conflict`] where the newest revision is not `seen`, or where the tool is gone
    /// (`actual: None`). The replaced revision stays in the history, which keeps the newest ones up to
    /// the number the store was opened with.
    async fn replace(&self, record: Arc<ToolRecord>, seen: Revision) -> Result<(), StoreError>;

    /// Deletes a tool at revision `seen`; refuses like [`replace`](Self::replace). The name's last revision
    /// stays, and so does its history, unless more than a thousand other names were deleted after it.
    async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError>;

    /// The revisions of a name, newest first, at most `limit`. Empty for a name never used.
    async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError>;

    /// Changes from now on, made by whichever handle or process. For one name they MUST come in order of
    /// revision; one that was superseded before it could be told MAY be left out. A subscriber that is too
    /// slow MUST get [`StoreEvent::Resync`] rather than a gap.
    fn watch(&self) -> BoxStream<StoreEvent>;

    /// Whether the store can be read just now; the reason if not. Cheap: readiness asks it.
    async fn health(&self) -> Result<(), StoreError>;
}

/// What [`ToolStore::list`] found.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The tools, sorted by name.
    pub tools: Vec<Arc<ToolRecord>>,
    /// Names of records that can't be served, with a reason for the log.
    pub corrupt: Vec<(String, String)>,
}

/// A change in the store.
#[derive(Debug, Clone)]
pub enum StoreEvent {
    /// A tool was made or changed: this is it.
    Put(Arc<ToolRecord>),
    /// A tool was deleted at this revision.
    Removed(ToolName, Revision),
    /// Something was missed: list again.
    Resync,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The newest revision is another one; `None`: the tool is gone.
    #[error("the stored revision is {actual:?}")]
    Conflict {
        /// What is there.
        actual: Option<Revision>,
    },
    /// The name is taken.
    #[error("a tool of this name exists")]
    Exists,
    /// The limit of tools is reached.
    #[error("the store holds its limit of {capacity} tools")]
    Full {
        /// The limit.
        capacity: usize,
    },
    /// Can't be reached or written just now; the same call may succeed later.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// For clients and operators; holds no path.
        reason: String,
        /// For the log.
        #[source]
        source: Option<BoxError>,
    },
    /// What is stored can't be read.
    #[error("the store is damaged: {reason}")]
    Corrupt {
        /// For clients and operators; holds no path.
        reason: String,
        /// For the log.
        #[source]
        source: Option<BoxError>,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
