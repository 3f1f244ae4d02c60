//! The server's life: what runs in the background, and how it ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by everything that runs in the background. Cheap to clone.
///
/// Ending has two stages: `draining` is cancelled first (nothing new is taken, running calls go on), and
/// `stopped` when the grace is over or nothing runs any more (everything ends now).
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// Cancelled when the server begins to end.
    pub draining: CancellationToken,
    /// Cancelled when everything has to end at once.
    pub stopped: CancellationToken,
    /// Background tasks.
    pub tasks: TaskTracker,
    /// One token for each running call.
    pub calls: TaskTracker,
    grace: Duration,
    failure: Arc<OnceLock<String>>,
}

impl Lifecycle {
    /// `grace`: how long running calls may go on once the server ends
    /// (`MCP_SHUTDOWN_GRACE_SECONDS`).
    pub fn new(grace: Duration) -> Self {
        Self {
            draining: CancellationToken::new(),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
            calls: TaskTracker::new(),
            grace,
            failure: Arc::default(),
        }
    }

    /// How long running calls may go on once the server ends.
    pub const fn grace(&self) -> Duration {
        self.grace
    }

    /// Begins the end because the server can't do its work; the first reason counts.
    pub fn fail(&self, reason: String) {
        tracing::error!(reason, "the server ends");
        // A later reason is a consequence of the first.
        self.failure.set(reason).ok();
        self.draining.cancel();
    }

    /// Why the server ended, if it could not do its work.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Ends in order: drains, waits for the running calls at most the grace, then stops them. Returns when
    /// no call runs. Safe to call twice.
    pub async fn drain(&self) {
        self.draining.cancel();
        self.calls.close();
        let calls_end = tokio::time::timeout(self.grace, self.calls.wait());
        tokio::select! {
            _ = calls_end => {}
            () = self.stopped.cancelled() => {}
        }
        self.stopped.cancel();
        self.calls.wait().await;
    }

    /// After [`drain`](Self::drain): waits for the background tasks, which have seen `stopped`.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
