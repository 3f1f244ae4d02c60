//! Keeps the catalogue in step with what others write to the same store.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::Catalog;
use crate::ports::{BoxStream, StoreEvent};

/// Waits between attempts to read a store that is away: doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Feeds the store's announcements to the catalogue until `stop`. Where one can't be followed because the
/// store is away, everything is read again as soon as it is back, so that nothing stays missed.
pub async fn follow(
    catalog: Arc<Catalog>,
    mut events: BoxStream<StoreEvent>,
    stop: CancellationToken,
) {
    while let Some(Some(event)) = stop.run_until_cancelled(events.next()).await {
        let Err(error) = catalog.absorb(event).await else { continue };
        tracing::warn!(%error, "the store's change could not be followed; reading everything again");
        let resync = resync(&catalog);
        if stop.run_until_cancelled(resync).await.is_none() {
            return;
        }
    }
}

async fn resync(catalog: &Catalog) {
    let mut wait = FIRST_RETRY;
    while let Err(error) = catalog.reload().await {
        tracing::debug!(%error, retry_ms = wait.as_millis(), "the store is still away");
        tokio::time::sleep(wait).await;
        wait = LONGEST_RETRY.min(wait * 2);
    }
}
