//! Words from one process of a fleet to another that waits for them.

use async_trait::async_trait;

use super::{BoxStream, StoreError};

/// Where processes that share a store leave letters for each other. A letter lies under a name that whoever takes it knows.
///
/// Every method MUST be safe to call from any number of tasks and processes, and MUST NOT wait longer than a few
/// seconds for a store that does not answer.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// Leaves a letter, in the place of one of the same name, and tells everybody the name, of at most 2,048 bytes.
    /// One that nobody takes MUST be kept for some minutes, and MUST NOT be kept for ever.
    async fn post(&self, name: &str, letter: &str) -> Result<(), StoreError>;

    /// Takes a letter away; `None` where there is none. Of several that take one at once, MUST give it to one only.
    async fn take(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// The names that others tell from now on; whether one's own come back is left open. Names MAY be missed, by a
    /// subscriber that is slow or while the store is away: whoever waits for a letter looks for it by itself too.
    fn watch(&self) -> BoxStream<String>;
}
