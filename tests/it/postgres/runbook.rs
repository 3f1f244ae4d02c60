//! What the runbook has an operator do by hand.

use std::sync::Arc;

use dynamic_mcp::domain::tool::Revision;
use dynamic_mcp::ports::{StoreError, ToolStore as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::postgres::TestSchema;
use crate::support::records::{created, name, recreated, revised};

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_the_history_of_deleted_tools_leaves_their_last_revision() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/production-runbook.md");
    let page = std::fs::read_to_string(page).unwrap();
    let statements =
        page.lines().filter_map(|line| line.split_once("\"DELETE FROM ")?.1.strip_suffix('"'));
    let [statement] = statements.collect::<Vec<_>>()[..] else { panic!("not one statement") };
    let statement = format!("DELETE FROM {statement}").replace("dynamic_mcp.", "{s}.");

    let schema = TestSchema::new();
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = schema.open(50, &tracker, &stop).await;
    for tool in ["gone.long", "back.again"] {
        let first = created(tool, "1");
        let second = revised(&first, "2");
        store.insert(Arc::clone(&first), 10).await.unwrap();
        store.replace(Arc::clone(&second), first.revision).await.unwrap();
        store.remove(&name(tool), second.revision).await.unwrap();
    }
    store.insert(recreated("back.again", "3", Revision::new(2)), 10).await.unwrap();

    schema.execute(&statement).await;
    assert!(store.history(&name("gone.long"), 10).await.unwrap().is_empty());
    assert_eq!(store.history(&name("back.again"), 10).await.unwrap().len(), 3);
    let anew = store.insert(created("gone.long", "1"), 10).await;
    assert!(matches!(anew, Err(StoreError::Conflict { actual }) if actual == Revision::new(2)));
    store.insert(recreated("gone.long", "3", Revision::new(2)), 10).await.unwrap();
    stop.cancel();
}
