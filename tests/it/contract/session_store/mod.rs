//! What every `SessionStore` must do, stamped on each store.

mod cases;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::SessionStore;

/// A place for sessions, empty at first.
#[async_trait]
trait SessionHarness: Send + Sync {
    /// A handle on the data; a second one, as another process has it, where it is called again.
    async fn open(&self) -> Arc<dyn SessionStore>;
}

/// One test for each case.
macro_rules! sessions {
    ($harness:expr) => {
        super::sessions!($harness, [
            what_was_kept_is_read,
            what_is_kept_already_stays,
            an_unknown_session_is_none,
            time_ends_a_session,
            touching_prolongs_and_never_shortens,
            touching_tells_what_is_gone,
            one_of_many_ends_it,
            everybody_hears_of_an_end,
            everybody_hears_of_a_level,
            everybody_hears_of_a_cancellation,
            handles_see_the_same,
            many_touch_the_same_at_once,
        ]);
    };
    ($harness:expr, [$($case:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::cases::$case(&$harness).await;
            }
        )*
    };
}
use sessions;
