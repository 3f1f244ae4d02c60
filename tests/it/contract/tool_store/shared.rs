//! Through two handles on the same data.

use std::sync::Arc;

use dynamic_mcp::ports::{StoreError, StoreEvent, ToolStore};
use futures_util::future::join_all;

use super::{PLENTY, StoreHarness, next};
use crate::support::records::{created, name, revised};

macro_rules! shared {
    ($harness:expr) => {
        $crate::contract::tool_store::stamp!(
            shared,
            $harness,
            [
                each_reads_what_the_other_wrote,
                each_is_told_what_the_other_wrote,
                no_update_is_lost_between_handles,
                the_capacity_holds_across_handles,
                of_inserts_on_two_handles_one_wins,
            ]
        );
    };
}
pub(super) use shared;

pub(super) async fn each_reads_what_the_other_wrote(h: &dyn StoreHarness) {
    let (one, two) = (h.open().await, h.open().await);
    let first = created("a.tool", "1");
    let second = revised(&first, "2");
    one.insert(Arc::clone(&first), PLENTY).await.unwrap();
    assert_eq!(two.get(&first.name).await.unwrap().unwrap(), first);
    two.replace(Arc::clone(&second), first.revision).await.unwrap();
    assert_eq!(one.list().await.unwrap().tools, [Arc::clone(&second)]);
    assert_eq!(one.history(&first.name, 9).await.unwrap(), [second.clone(), first]);
    one.remove(&second.name, second.revision).await.unwrap();
    assert_eq!(two.get(&second.name).await.unwrap(), None);
    assert_eq!(two.last_revision(&second.name).await.unwrap(), Some(second.revision));
}

pub(super) async fn each_is_told_what_the_other_wrote(h: &dyn StoreHarness) {
    let (one, two) = (h.open().await, h.open().await);
    let (mut told_one, mut told_two) = (one.watch(), two.watch());
    let mut record = created("a.tool", "1");
    one.insert(Arc::clone(&record), PLENTY).await.unwrap();
    // Each writes in turn, without waiting for the other's word to get round.
    for n in 2..=5 {
        let store = if n % 2 == 0 { &two } else { &one };
        let next = revised(&record, &format!("{n}"));
        store.replace(Arc::clone(&next), record.revision).await.unwrap();
        record = next;
    }
    two.remove(&record.name, record.revision).await.unwrap();
    for events in [&mut told_one, &mut told_two] {
        let mut last = 0;
        loop {
            match next(events).await {
                StoreEvent::Put(record) => {
                    let revision = record.revision.get();
                    assert!(revision > last, "{revision} was told after {last}");
                    assert_eq!(&*record.content.code, revision.to_string());
                    last = revision;
                }
                StoreEvent::Removed(gone, revision) => {
                    assert_eq!((gone.as_str(), revision.get()), ("a.tool", 5));
                    break;
                }
                StoreEvent::Resync => panic!("nothing was missed"),
            }
        }
    }
}

pub(super) async fn no_update_is_lost_between_handles(h: &dyn StoreHarness) {
    /// Adds one to the number that the tool's code is, `times` times.
    async fn count(store: Arc<dyn ToolStore>, times: usize) {
        let mut left = times;
        while left > 0 {
            let old = store.get(&name("a.tool")).await.unwrap().unwrap();
            let number: u64 = old.content.code.parse().unwrap();
            let next = revised(&old, &(number + 1).to_string());
            match store.replace(next, old.revision).await {
                Ok(()) => left -= 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    let (one, two) = (h.open().await, h.open().await);
    one.insert(created("a.tool", "0"), PLENTY).await.unwrap();
    let counts = [&one, &two, &one, &two].map(|store| tokio::spawn(count(Arc::clone(store), 25)));
    for done in join_all(counts).await {
        done.unwrap();
    }
    let last = two.get(&name("a.tool")).await.unwrap().unwrap();
    assert_eq!((&*last.content.code, last.revision.get()), ("100", 101));
}

pub(super) async fn the_capacity_holds_across_handles(h: &dyn StoreHarness) {
    let stores = [h.open().await, h.open().await];
    let inserts = (0..40).map(|n| {
        let tool = created(&format!("tool.{n}"), "1");
        stores[n % 2].insert(tool, 11)
    });
    let results = join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 11);
    assert_eq!(stores[0].list().await.unwrap().tools.len(), 11);
}

pub(super) async fn of_inserts_on_two_handles_one_wins(h: &dyn StoreHarness) {
    let stores = [h.open().await, h.open().await];
    for round in 0..10 {
        let tool = format!("tool.{round}");
        let inserts = (0..4).map(|n| stores[n % 2].insert(created(&tool, &n.to_string()), PLENTY));
        let results = join_all(inserts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }
}
