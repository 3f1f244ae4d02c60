//! What goes on behind a store's handles.

use std::sync::Mutex;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What runs behind the handles that are open; ends with this.
#[derive(Default)]
pub(super) struct Background(Mutex<(TaskTracker, CancellationToken)>);

impl Background {
    /// For another handle.
    pub(super) fn current(&self) -> (TaskTracker, CancellationToken) {
        self.0.lock().unwrap().clone()
    }

    /// Ends it, and with it every handle; those that come are on a new one.
    pub(super) async fn end(&self) {
        let (tracker, stop) = std::mem::take(&mut *self.0.lock().unwrap());
        stop.cancel();
        tracker.close();
        tracker.wait().await;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.current().1.cancel();
    }
}
