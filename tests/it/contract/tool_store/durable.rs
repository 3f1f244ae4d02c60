//! After the data was closed and opened again, or changed behind the store's back.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::{StoreError, ToolStore};

use super::super::background::Background;
use super::{PLENTY, StoreHarness};
use crate::support::records::{created, full, name, recreated, revised};

/// A place whose data outlives its handles.
#[async_trait]
pub(super) trait DurableHarness: StoreHarness {
    /// What runs behind its handles.
    fn background(&self) -> &Background;

    /// Closes every handle and opens the data again.
    async fn reopen(&self) -> Arc<dyn ToolStore> {
        self.background().end().await;
        self.open().await
    }

    /// Changes the code of a stored tool, `1`, behind the store's back.
    async fn damage(&self, name: &str);
}

macro_rules! durable {
    ($harness:expr) => {
        $crate::contract::tool_store::stamp!(
            durable,
            $harness,
            [everything_is_there_again, a_damaged_record_is_named_and_hides_no_other]
        );
    };
}
pub(super) use durable;

pub(super) async fn everything_is_there_again(h: &dyn DurableHarness) {
    let store = h.open().await;
    let first = full("a.tool");
    let second = revised(&first, "2");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    let gone = created("b.tool", "1");
    store.insert(Arc::clone(&gone), PLENTY).await.unwrap();
    store.remove(&gone.name, gone.revision).await.unwrap();
    drop(store);

    let store = h.reopen().await;
    assert_eq!(store.list().await.unwrap().tools, [Arc::clone(&second)]);
    assert_eq!(store.history(&first.name, 9).await.unwrap(), [second, first]);
    assert_eq!(store.last_revision(&gone.name).await.unwrap(), Some(gone.revision));
    assert_eq!(store.history(&gone.name, 9).await.unwrap(), [Arc::clone(&gone)]);
    store.insert(recreated("b.tool", "2", Some(gone.revision)), PLENTY).await.unwrap();
}

pub(super) async fn a_damaged_record_is_named_and_hides_no_other(h: &dyn DurableHarness) {
    let store = h.open().await;
    for tool in ["a.tool", "b.tool", "c.tool"] {
        store.insert(created(tool, "1"), PLENTY).await.unwrap();
    }
    h.damage("b.tool").await;
    let refused = store.get(&name("b.tool")).await;
    let Err(StoreError::Corrupt { reason, .. }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("b.tool"), "{reason}");
    let listing = store.list().await.unwrap();
    assert_eq!(listing.tools.len(), 2);
    assert_eq!(listing.corrupt.len(), 1);
    assert_eq!(listing.corrupt[0].0, "b.tool");
    // It can still be removed, so that it doesn't stand in the way for ever.
    let last = store.last_revision(&name("b.tool")).await.unwrap().unwrap();
    store.remove(&name("b.tool"), last).await.unwrap();
    assert_eq!(store.list().await.unwrap().corrupt, []);
}
