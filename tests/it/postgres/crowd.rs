//! Ten replicas on one database.

use dynamic_mcp::ports::{StoreError, ToolStore as _};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::postgres::TestSchema;
use crate::support::records::created;

#[tokio::test(flavor = "multi_thread")]
async fn ten_that_start_at_once_all_come_up_and_hold_the_limit_together() {
    let schema = TestSchema::new();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let stores = join_all((0..10).map(|_| schema.open(50, &tasks, &stop))).await;
    let creates = (0..60).map(|n| {
        let record = created(&format!("tool.n{n}"), "1");
        stores[n % 10].insert(record, 25)
    });
    let outcomes = join_all(creates).await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(made, 25);
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(()) | Err(StoreError::Full { capacity: 25 })), "{outcome:?}");
    }
    for store in &stores {
        assert_eq!(store.list().await.unwrap().tools.len(), 25);
    }
    stop.cancel();
}
