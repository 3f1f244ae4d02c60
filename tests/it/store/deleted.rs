//! What stays of tools that were deleted.

use std::sync::Arc;

use dynamic_mcp::domain::tool::Revision;
use dynamic_mcp::ports::{StoreError, ToolStore as _};
use futures_util::future::join_all;

use super::open;
use crate::support::records::{created, name, recreated, revised};

/// Deleted names whose history is kept.
const KEPT: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn old_deletions_lose_their_history_and_keep_their_last_revision() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(&folder.path().join("tools.redb")).await;
    let store = Arc::clone(&opened.store);
    let capacity = 2 * KEPT;
    for tool in ["gone.long", "back.again"] {
        let first = created(tool, "1");
        let second = revised(&first, "2");
        store.insert(Arc::clone(&first), capacity).await.unwrap();
        store.replace(Arc::clone(&second), first.revision).await.unwrap();
        store.remove(&name(tool), second.revision).await.unwrap();
    }
    let back = recreated("back.again", "3", Revision::new(2));
    store.insert(back, capacity).await.unwrap();

    let others: Vec<_> = (0..KEPT).map(|n| created(&format!("other.{n}"), "1")).collect();
    let made = others.iter().map(|tool| store.insert(Arc::clone(tool), capacity));
    assert!(join_all(made).await.iter().all(Result::is_ok));
    let deleted = others.iter().map(|tool| store.remove(&tool.name, tool.revision));
    assert!(join_all(deleted).await.iter().all(Result::is_ok));

    assert!(store.history(&name("gone.long"), 10).await.unwrap().is_empty());
    assert_eq!(store.history(&name("back.again"), 10).await.unwrap().len(), 3);
    assert_eq!(store.history(&name("other.0"), 10).await.unwrap().len(), 1);
    let anew = store.insert(created("gone.long", "1"), capacity).await;
    assert!(matches!(anew, Err(StoreError::Conflict { actual }) if actual == Revision::new(2)));
    let on = recreated("gone.long", "3", Revision::new(2));
    store.insert(on, capacity).await.unwrap();
    drop(store);
    opened.close().await;
}
