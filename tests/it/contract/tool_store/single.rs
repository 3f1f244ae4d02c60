//! Through one handle: compare and swap, limits, history.

use std::sync::Arc;

use dynamic_mcp::domain::tool::{Revision, ToolRecord};
use dynamic_mcp::ports::StoreError;
use futures_util::future::join_all;

use super::{HISTORY, PLENTY, StoreHarness};
use crate::support::records::{created, full, name, recreated, revised};

macro_rules! single {
    ($harness:expr) => {
        $crate::contract::tool_store::stamp!(
            single,
            $harness,
            [
                it_keeps_every_field,
                what_is_not_there_is_absent,
                a_name_is_inserted_once,
                a_stale_replace_changes_nothing,
                a_stale_remove_changes_nothing,
                of_racing_inserts_one_wins,
                of_racing_replaces_one_wins,
                the_capacity_holds_under_races,
                a_removed_tool_makes_room,
                the_list_is_sorted,
                the_history_is_newest_first_and_bounded,
                the_history_survives_the_tool,
                a_name_goes_on_from_its_last_revision,
                the_largest_tool_fits,
                a_dropped_write_is_whole_or_not_at_all,
                it_is_healthy,
            ]
        );
    };
}
pub(super) use single;

fn names(records: &[Arc<ToolRecord>]) -> Vec<&str> {
    records.iter().map(|record| record.name.as_str()).collect()
}

fn revisions(records: &[Arc<ToolRecord>]) -> Vec<u64> {
    records.iter().map(|record| record.revision.get()).collect()
}

pub(super) async fn it_keeps_every_field(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = full("a.full-one:x_1");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), first);
    let second = revised(&first, "other");
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), second);
    let listing = store.list().await.unwrap();
    assert_eq!(listing.tools, [Arc::clone(&second)]);
    assert_eq!(listing.corrupt, []);
    assert_eq!(store.history(&first.name, 9).await.unwrap(), [second, first]);
}

pub(super) async fn what_is_not_there_is_absent(h: &dyn StoreHarness) {
    let store = h.open().await;
    let tool = created("not.there", "1");
    assert_eq!(store.list().await.unwrap().tools, []);
    assert_eq!(store.get(&tool.name).await.unwrap(), None);
    assert_eq!(store.last_revision(&tool.name).await.unwrap(), None);
    assert_eq!(store.history(&tool.name, 9).await.unwrap(), []);
    let replaced = store.replace(revised(&tool, "2"), tool.revision).await;
    assert!(matches!(replaced, Err(StoreError::Conflict { actual: None })), "{replaced:?}");
    let removed = store.remove(&tool.name, tool.revision).await;
    assert!(matches!(removed, Err(StoreError::Conflict { actual: None })), "{removed:?}");
}

pub(super) async fn a_name_is_inserted_once(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = created("a.tool", "1");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    for again in [created("a.tool", "2"), revised(&first, "2")] {
        let refused = store.insert(again, PLENTY).await;
        assert!(matches!(refused, Err(StoreError::Exists)), "{refused:?}");
    }
    assert_eq!(store.list().await.unwrap().tools, [first]);
}

pub(super) async fn a_stale_replace_changes_nothing(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = created("a.tool", "1");
    let second = revised(&first, "2");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    for (late, seen) in [(revised(&first, "late"), 1), (revised(&second, "early"), 3)] {
        let refused = store.replace(late, Revision::new(seen).unwrap()).await;
        let Err(StoreError::Conflict { actual }) = refused else { panic!("{refused:?}") };
        assert_eq!(actual, Some(second.revision));
    }
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), second);
    assert_eq!(revisions(&store.history(&first.name, 9).await.unwrap()), [2, 1]);
}

pub(super) async fn a_stale_remove_changes_nothing(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = created("a.tool", "1");
    let second = revised(&first, "2");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    let refused = store.remove(&first.name, first.revision).await;
    let Err(StoreError::Conflict { actual }) = refused else { panic!("{refused:?}") };
    assert_eq!(actual, Some(second.revision));
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), second);
}

pub(super) async fn of_racing_inserts_one_wins(h: &dyn StoreHarness) {
    let store = h.open().await;
    let records: Vec<_> = (0..16).map(|n| created("a.tool", &format!("{n}"))).collect();
    let results =
        join_all(records.iter().map(|record| store.insert(Arc::clone(record), PLENTY))).await;
    let won = results.iter().position(Result::is_ok).unwrap();
    for (n, result) in results.iter().enumerate().filter(|(n, _)| *n != won) {
        assert!(matches!(result, Err(StoreError::Exists)), "{n}: {result:?}");
    }
    assert_eq!(store.get(&name("a.tool")).await.unwrap().unwrap(), records[won]);
}

pub(super) async fn of_racing_replaces_one_wins(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = created("a.tool", "1");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    let records: Vec<_> = (0..16).map(|n| revised(&first, &format!("{n}"))).collect();
    let replaces = records.iter().map(|record| store.replace(Arc::clone(record), first.revision));
    let results = join_all(replaces).await;
    let won = results.iter().position(Result::is_ok).unwrap();
    for (n, result) in results.iter().enumerate().filter(|(n, _)| *n != won) {
        let Err(StoreError::Conflict { actual }) = result else { panic!("{n}: {result:?}") };
        assert_eq!(actual.unwrap().get(), 2);
    }
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), records[won]);
    assert_eq!(revisions(&store.history(&first.name, 9).await.unwrap()), [2, 1]);
}

pub(super) async fn the_capacity_holds_under_races(h: &dyn StoreHarness) {
    let store = h.open().await;
    let inserts = (0..24).map(|n| store.insert(created(&format!("tool.{n}"), "1"), 7));
    let results = join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 7);
    let full =
        |result: &Result<(), StoreError>| matches!(result, Err(StoreError::Full { capacity: 7 }));
    assert_eq!(results.iter().filter(|result| full(result)).count(), 17);
    assert_eq!(store.list().await.unwrap().tools.len(), 7);
}

pub(super) async fn a_removed_tool_makes_room(h: &dyn StoreHarness) {
    let store = h.open().await;
    let tool = created("a.tool", "1");
    store.insert(Arc::clone(&tool), 1).await.unwrap();
    store.remove(&tool.name, tool.revision).await.unwrap();
    store.insert(created("b.tool", "1"), 1).await.unwrap();
    let refused = store.insert(recreated("a.tool", "1", Some(tool.revision)), 1).await;
    assert!(matches!(refused, Err(StoreError::Full { capacity: 1 })), "{refused:?}");
}

pub(super) async fn the_list_is_sorted(h: &dyn StoreHarness) {
    let store = h.open().await;
    for tool in ["b.tool", "Z.tool", "a_tool", "a.tool", "a.tool.b", "a-tool"] {
        store.insert(created(tool, "1"), PLENTY).await.unwrap();
    }
    let tools = store.list().await.unwrap().tools;
    assert_eq!(names(&tools), ["Z.tool", "a-tool", "a.tool", "a.tool.b", "a_tool", "b.tool"]);
}

pub(super) async fn the_history_is_newest_first_and_bounded(h: &dyn StoreHarness) {
    let store = h.open().await;
    let mut record = created("a.tool", "1");
    // Its neighbours' histories must not be touched or shown.
    for tool in ["a.too", "a.tool_", "a.tool.x"] {
        let other = created(tool, "1");
        store.insert(Arc::clone(&other), PLENTY).await.unwrap();
        store.replace(revised(&other, "2"), other.revision).await.unwrap();
    }
    store.insert(Arc::clone(&record), PLENTY).await.unwrap();
    for n in 2..=9 {
        let next = revised(&record, &format!("{n}"));
        store.replace(Arc::clone(&next), record.revision).await.unwrap();
        record = next;
    }
    let history = store.history(&record.name, 100).await.unwrap();
    assert_eq!(revisions(&history), [9, 8, 7, 6, 5]);
    assert_eq!(history.len(), HISTORY);
    assert_eq!(&*history[4].content.code, "5");
    assert_eq!(revisions(&store.history(&record.name, 2).await.unwrap()), [9, 8]);
    assert_eq!(store.history(&record.name, 0).await.unwrap(), []);
    assert_eq!(revisions(&store.history(&name("a.too"), 9).await.unwrap()), [2, 1]);
}

pub(super) async fn the_history_survives_the_tool(h: &dyn StoreHarness) {
    let store = h.open().await;
    let mut record = created("a.tool", "1");
    store.insert(Arc::clone(&record), PLENTY).await.unwrap();
    for n in 2..=7 {
        let next = revised(&record, &format!("{n}"));
        store.replace(Arc::clone(&next), record.revision).await.unwrap();
        record = next;
    }
    store.remove(&record.name, record.revision).await.unwrap();
    assert_eq!(store.get(&record.name).await.unwrap(), None);
    assert_eq!(store.last_revision(&record.name).await.unwrap(), Some(record.revision));
    assert_eq!(revisions(&store.history(&record.name, 100).await.unwrap()), [7, 6, 5, 4, 3]);
    let again = store.remove(&record.name, record.revision).await;
    assert!(matches!(again, Err(StoreError::Conflict { actual: None })), "{again:?}");
}

pub(super) async fn a_name_goes_on_from_its_last_revision(h: &dyn StoreHarness) {
    let store = h.open().await;
    let first = created("a.tool", "1");
    store.insert(Arc::clone(&first), PLENTY).await.unwrap();
    store.remove(&first.name, first.revision).await.unwrap();
    let refused = store.insert(created("a.tool", "again"), PLENTY).await;
    let Err(StoreError::Conflict { actual }) = refused else { panic!("{refused:?}") };
    assert_eq!(actual, Some(first.revision));
    let second = recreated("a.tool", "2", actual);
    store.insert(Arc::clone(&second), PLENTY).await.unwrap();
    assert_eq!(store.get(&first.name).await.unwrap().unwrap(), second);
    assert_eq!(store.last_revision(&first.name).await.unwrap(), Some(second.revision));
    assert_eq!(store.history(&first.name, 9).await.unwrap(), [second, first]);
    let skipped = recreated("b.tool", "3", Revision::new(7));
    let refused = store.insert(skipped, PLENTY).await;
    assert!(matches!(refused, Err(StoreError::Conflict { actual: None })), "{refused:?}");
}

pub(super) async fn the_largest_tool_fits(h: &dyn StoreHarness) {
    let store = h.open().await;
    let largest = created("a.tool", &"🦀".repeat(200_000));
    store.insert(Arc::clone(&largest), PLENTY).await.unwrap();
    assert_eq!(store.get(&largest.name).await.unwrap().unwrap(), largest);
    assert_eq!(store.list().await.unwrap().tools, [largest]);
}

pub(super) async fn a_dropped_write_is_whole_or_not_at_all(h: &dyn StoreHarness) {
    let store = h.open().await;
    for n in 0..20 {
        let tool = created(&format!("tool.{n}"), "1");
        let insert = store.insert(Arc::clone(&tool), PLENTY);
        // Dropped before it began, just begun, or in the midst of it.
        tokio::time::timeout(std::time::Duration::from_micros(n * 200), insert).await.ok();
    }
    // What follows is done after what was dropped.
    store.insert(created("tool.last", "1"), PLENTY).await.unwrap();
    let listing = store.list().await.unwrap();
    assert_eq!(listing.corrupt, []);
    for tool in &listing.tools {
        assert_eq!(revisions(&store.history(&tool.name, 9).await.unwrap()), [1]);
    }
}

pub(super) async fn it_is_healthy(h: &dyn StoreHarness) {
    h.open().await.health().await.unwrap();
}
