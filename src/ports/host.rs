//! What an engine may call back while code runs: the only way out of a sandbox.

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::ErrorCode;
use crate::domain::execution::{HostRequest, LogEntry, Progress};

/// Hears how far something is. MUST NOT block.
pub type ProgressFn<'a> = dyn Fn(Progress) + Send + Sync + 'a;

/// The host's side of one run. The engine has already enforced counts and sizes.
#[async_trait]
pub trait Host: Send + Sync {
    /// The run has its sandbox, and the code is about to start. An engine MUST call it once, and before
    /// everything else.
    fn sandbox_ready(&self) {}

    /// A log entry. MUST NOT block.
    fn log(&self, entry: LogEntry);

    /// Progress. MUST NOT block.
    fn progress(&self, progress: Progress);

    /// A request that the code waits for. Is dropped when the run ends.
    async fn request(&self, request: HostRequest) -> Result<Value, HostRefusal>;
}

/// The host refuses a request: the code sees an `Error` with this `code` and message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostRefusal {
    /// What kind of refusal.
    pub code: ErrorCode,
    /// A sentence for the tool's author.
    pub message: String,
}
