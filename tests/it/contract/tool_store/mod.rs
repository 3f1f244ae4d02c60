//! What every `ToolStore` must do, stamped on each store.

#[cfg(feature = "file")]
mod durable;
#[cfg(feature = "file")]
mod file;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod shared;
mod single;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::ports::{BoxStream, StoreEvent, ToolStore};
use futures_util::StreamExt as _;

/// How many revisions of a name the stores under test keep.
const HISTORY: usize = 5;

/// More tools than any case makes, where the limit is not the point.
const PLENTY: usize = 1_000;

/// A place for one store, empty at first.
#[async_trait]
trait StoreHarness: Send + Sync {
    /// A handle on the data; a second one where it is called again.
    async fn open(&self) -> Arc<dyn ToolStore>;
}

/// One test for each case.
macro_rules! stamp {
    ($room:ident, $harness:expr, [$($case:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$room::$case(&$harness).await;
            }
        )*
    };
}
use stamp;

/// The next event; fails where none comes, or the feed ends.
async fn next(events: &mut BoxStream<StoreEvent>) -> StoreEvent {
    let next = tokio::time::timeout(Duration::from_secs(30), events.next());
    next.await.unwrap().unwrap()
}
