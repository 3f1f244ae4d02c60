//! What every `AttachmentStore` must do, stamped on each store.

mod cases;
#[cfg(feature = "file")]
mod file;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::AttachmentStore;

/// A place for attachments, empty at first.
#[async_trait]
trait Harness: Send + Sync {
    /// A handle; a second one on the same data where it is called again.
    async fn open(&self) -> Arc<dyn AttachmentStore>;
}

/// One test for each case.
macro_rules! stamp {
    (@ $harness:expr, $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::cases::$case(&$harness).await;
            }
        )*
    };
    ($harness:expr) => {
        stamp! {
            @ $harness,
            what_is_kept_comes_back_whole
            an_alias_is_kept_once
            only_the_one_named_is_replaced
            the_capacity_holds_under_races
            of_racing_handles_one_gets_the_alias
            every_handle_is_woken_by_a_change
            removing_says_whether_there_was_one
        }
    };
}
use stamp;
