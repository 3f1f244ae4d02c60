//! How a session ends: what was asked is answered, within the grace, and then everything stops.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::outbox::Outbox;
use crate::app::Lifecycle;

/// How long handlers may take to come back once their calls are killed.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// One session's end, shared by its reader and whoever sees it through.
pub(super) struct Ending {
    lifecycle: Lifecycle,
    /// The client has closed its end.
    left: CancellationToken,
    /// Nothing more will be answered.
    over: CancellationToken,
    /// Requests that are being handled, without subscriptions.
    pub(super) handled: TaskTracker,
}

impl Ending {
    pub(super) fn new(lifecycle: Lifecycle) -> Self {
        let handled = TaskTracker::new();
        handled.close();
        Self { lifecycle, left: CancellationToken::new(), over: CancellationToken::new(), handled }
    }

    /// The client has closed its end.
    pub(super) fn leave(&self) {
        self.left.cancel();
    }

    /// Nothing more is to be read: the client has left, or the server ends.
    pub(super) async fn begun(&self) {
        tokio::select! {
            () = self.left.cancelled() => {}
            () = self.lifecycle.draining.cancelled() => {}
        }
    }

    /// Everything that will be answered is answered.
    pub(super) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Waits until the end begins and sees it through. A client that has only stopped to write still gets
    /// what it asked for, and so do its calls that have not begun yet: the server drains after that. A
    /// client that has stopped to read gets nothing, and its calls are killed.
    pub(super) async fn see_through(&self, outbox: &Outbox) {
        let Lifecycle { draining, stopped, .. } = &self.lifecycle;
        tokio::select! {
            () = self.begun() => {}
            () = outbox.ended() => {
                self.leave();
                stopped.cancel();
            }
        }
        if !draining.is_cancelled() {
            let in_time = async {
                tokio::select! {
                    () = self.handled.wait() => {}
                    () = draining.cancelled() => {}
                    () = outbox.ended() => stopped.cancel(),
                }
            };
            if tokio::time::timeout(self.lifecycle.grace(), in_time).await.is_err() {
                stopped.cancel();
            }
            draining.cancel();
        }
        self.lifecycle.drain().await;
        outbox.release();
        if tokio::time::timeout(LAST_ANSWERS, self.handled.wait()).await.is_err() {
            tracing::warn!(requests = self.handled.len(), "requests are left unanswered");
        }
        self.over.cancel();
    }
}
