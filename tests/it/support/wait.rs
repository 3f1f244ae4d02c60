//! Waiting for what comes to be by itself.

use std::time::Duration;

/// Only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until a condition is met.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    assert!(met.is_ok(), "what the test waits for did not come to be");
}
