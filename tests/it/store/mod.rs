//! The file store beyond its contract: what lies at its path, and other processes.

mod crash;
mod damage;
mod deleted;
mod full;
mod import;
mod open;
mod peers;
mod refused;

use std::path::Path;
use std::sync::Arc;

use dynamic_mcp::adapters::outbound::store::file::{FileOptions, FileStore, OpenError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A store, closed and waited for on request.
struct Opened {
    store: Arc<FileStore>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

async fn try_open(path: &Path) -> Result<Opened, OpenError> {
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = FileStore::open(path, FileOptions::default(), &tracker, &stop).await?;
    Ok(Opened { store: Arc::new(store), tracker, stop })
}

async fn open(path: &Path) -> Opened {
    try_open(path).await.unwrap_or_else(|error| panic!("{error}"))
}

impl Opened {
    async fn close(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
