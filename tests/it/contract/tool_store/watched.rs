//! The feed of changes, through one handle.

use std::sync::Arc;

use dynamic_mcp::ports::StoreEvent;

use super::{PLENTY, StoreHarness, next};
use crate::support::records::{created, recreated, revised};

macro_rules! watched {
    ($harness:expr) => {
        $crate::contract::tool_store::stamp!(
            watched,
            $harness,
            [
                changes_come_in_order,
                a_refused_write_is_no_change,
                a_slow_watcher_is_told_to_list_again,
            ]
        );
    };
}
pub(super) use watched;

pub(super) async fn changes_come_in_order(h: &dyn StoreHarness) {
    let store = h.open().await;
    store.insert(created("before.it", "1"), PLENTY).await.unwrap();
    let mut events = store.watch();
    let first = created("a.tool", "1");
    let second = revised(&first, "2");
    let third = recreated("a.tool", "3", Some(second.revision));
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    store.remove(&second.name, second.revision).await.unwrap();
    store.insert(Arc::clone(&third), PLENTY).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        match next(&mut events).await {
            StoreEvent::Put(record) if record.name.as_str() == "before.it" => {}
            StoreEvent::Put(record) => seen.push((record.revision.get(), Some(record))),
            StoreEvent::Removed(_, revision) => seen.push((revision.get(), None)),
            StoreEvent::Resync => panic!("nothing was missed"),
        }
    }
    assert_eq!(seen, [(1, Some(first)), (2, Some(second)), (2, None), (3, Some(third))]);
}

pub(super) async fn a_refused_write_is_no_change(h: &dyn StoreHarness) {
    let store = h.open().await;
    let mut events = store.watch();
    let first = created("a.tool", "1");
    store.insert(Arc::clone(&first), 1).await.unwrap();
    store.insert(Arc::clone(&first), 1).await.unwrap_err();
    store.insert(created("b.tool", "1"), 1).await.unwrap_err();
    store.remove(&first.name, revised(&first, "2").revision).await.unwrap_err();
    store.remove(&first.name, first.revision).await.unwrap();
    assert!(matches!(next(&mut events).await, StoreEvent::Put(record) if record == first));
    assert!(matches!(next(&mut events).await, StoreEvent::Removed(..)));
}

pub(super) async fn a_slow_watcher_is_told_to_list_again(h: &dyn StoreHarness) {
    let store = h.open().await;
    let mut events = store.watch();
    let tools: Vec<_> = (0..1_200).map(|n| created(&format!("tool.{n:04}"), "1")).collect();
    let inserts = tools.iter().map(|tool| store.insert(Arc::clone(tool), 2_000));
    for result in futures_util::future::join_all(inserts).await {
        result.unwrap();
    }
    store.remove(&tools[0].name, tools[0].revision).await.unwrap();
    let mut resyncs = 0;
    loop {
        match next(&mut events).await {
            StoreEvent::Resync => resyncs += 1,
            StoreEvent::Put(_) => {}
            StoreEvent::Removed(..) => break,
        }
    }
    assert_eq!(resyncs, 1);
}
