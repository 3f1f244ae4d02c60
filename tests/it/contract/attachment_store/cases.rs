//! The cases.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::domain::upstream::Alias;
use dynamic_mcp::ports::{AttachmentStore, BoxStream, StoreError};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use super::Harness;
use crate::support::attachments::{http, stdio};

const PLENTY: usize = 100;

fn alias(text: &str) -> Alias {
    Alias::parse(text).unwrap()
}

async fn woken(changes: &mut BoxStream<()>) {
    tokio::time::timeout(Duration::from_secs(30), changes.next()).await.unwrap().unwrap();
}

pub(super) async fn what_is_kept_comes_back_whole(h: &dyn Harness) {
    let store = h.open().await;
    let (b, a) = (stdio("b", "1"), http("a", "2"));
    store.insert(&b, PLENTY, None).await.unwrap();
    store.insert(&a, PLENTY, None).await.unwrap();
    assert_eq!(store.list().await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!(h.open().await.list().await.unwrap(), [a, b]);
}

pub(super) async fn an_alias_is_kept_once(h: &dyn Harness) {
    let store = h.open().await;
    let first = http("a", "1");
    store.insert(&first, PLENTY, None).await.unwrap();
    let refused = store.insert(&http("a", "2"), PLENTY, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists), "{refused:?}");
    assert_eq!(store.list().await.unwrap(), [first]);
}

pub(super) async fn only_the_one_named_is_replaced(h: &dyn Harness) {
    let store = h.open().await;
    let (first, second) = (http("a", "1"), stdio("a", "2"));
    let refused = store.insert(&second, PLENTY, Some("1")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { actual: None }), "{refused:?}");
    store.insert(&first, PLENTY, None).await.unwrap();
    let refused = store.insert(&second, PLENTY, Some("other")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists), "{refused:?}");
    // A full store takes what only replaces.
    store.insert(&second, 1, Some("1")).await.unwrap();
    assert_eq!(store.list().await.unwrap(), [second]);
}

pub(super) async fn the_capacity_holds_under_races(h: &dyn Harness) {
    let stores = [h.open().await, h.open().await];
    let attachments: Vec<_> = (0..20).map(|n| http(&format!("a{n}"), &n.to_string())).collect();
    let inserts = attachments.iter().zip(0..).map(|(one, n)| stores[n % 2].insert(one, 5, None));
    let results = join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5, "{results:?}");
    assert_eq!(stores[0].list().await.unwrap().len(), 5);
    for refused in results.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, StoreError::Full { capacity: 5 }), "{refused:?}");
    }
}

pub(super) async fn of_racing_handles_one_gets_the_alias(h: &dyn Harness) {
    let stores = [h.open().await, h.open().await];
    let attachments: Vec<_> = (0..8).map(|n| http("same", &n.to_string())).collect();
    let inserts =
        attachments.iter().zip(0..).map(|(one, n)| stores[n % 2].insert(one, PLENTY, None));
    let results = join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let kept = stores[1].list().await.unwrap();
    let winner = results.iter().position(Result::is_ok).unwrap();
    assert_eq!(kept, [attachments[winner].clone()]);
}

pub(super) async fn every_handle_is_woken_by_a_change(h: &dyn Harness) {
    let (one, two) = (h.open().await, h.open().await);
    let (mut told_one, mut told_two) = (one.watch(), two.watch());
    let attachment = http("a", "1");
    one.insert(&attachment, PLENTY, None).await.unwrap();
    seen(&mut [&mut told_one, &mut told_two], &two, 1).await;
    assert!(two.remove(&attachment.alias).await.unwrap());
    seen(&mut [&mut told_one, &mut told_two], &one, 0).await;
}

/// Each is woken until the store holds that many: a first ring may only say that the store is there.
async fn seen(told: &mut [&mut BoxStream<()>], store: &Arc<dyn AttachmentStore>, many: usize) {
    for changes in told {
        woken(changes).await;
        while store.list().await.unwrap().len() != many {
            woken(changes).await;
        }
    }
}

pub(super) async fn removing_says_whether_there_was_one(h: &dyn Harness) {
    let store = h.open().await;
    assert!(!store.remove(&alias("a")).await.unwrap());
    store.insert(&stdio("a", "1"), PLENTY, None).await.unwrap();
    assert!(!store.remove(&alias("b")).await.unwrap());
    assert!(store.remove(&alias("a")).await.unwrap());
    assert!(store.list().await.unwrap().is_empty());
    store.insert(&stdio("a", "2"), 1, None).await.unwrap();
}
