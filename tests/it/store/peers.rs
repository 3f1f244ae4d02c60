//! Two processes on one file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::store::file::OpenError;
use dynamic_mcp::ports::{StoreError, StoreEvent, ToolStore};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use super::{open, try_open};
use crate::support::peer::{self, Peer};
use crate::support::records::{created, name, revised};
use crate::support::rows;

const PLENTY: usize = 1_000;

/// Adds one to the number that the tool's code is, `times` times.
async fn count(store: &dyn ToolStore, times: usize) {
    let mut left = times;
    while left > 0 {
        let old = store.get(&name("the.counter")).await.unwrap().unwrap();
        let number: u64 = old.content.code.parse().unwrap();
        match store.replace(revised(&old, &(number + 1).to_string()), old.revision).await {
            Ok(()) => left -= 1,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// How many of 40 tools the store takes before it holds 30.
async fn fill(store: &dyn ToolStore, who: &str) -> usize {
    let inserts = (0..40).map(|n| store.insert(created(&format!("{who}.{n}"), "1"), 30));
    let results = join_all(inserts).await;
    for result in &results {
        assert!(matches!(result, Ok(()) | Err(StoreError::Full { .. })), "{result:?}");
    }
    results.iter().filter(|result| result.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_between_two_processes() {
    const TIMES: usize = 100;
    if let Some((_, path)) = peer::role() {
        let opened = open(&path).await;
        peer::say("ready");
        peer::listen();
        count(&*opened.store, TIMES).await;
        peer::say(&fill(&*opened.store, "theirs").await.to_string());
        return opened.close().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let opened = open(&path).await;
    opened.store.insert(created("the.counter", "0"), PLENTY).await.unwrap();
    let mut events = opened.store.watch();
    let test = "store::peers::nothing_is_lost_between_two_processes";
    let mut peer = Peer::start(&[], test, "count", &path);
    assert_eq!(peer.line().await.unwrap(), "ready");
    peer.tell("go").await;
    count(&*opened.store, TIMES).await;
    let ours = fill(&*opened.store, "ours").await;
    let theirs: usize = peer.line().await.unwrap().parse().unwrap();
    peer.end().await;

    let counter = opened.store.get(&name("the.counter")).await.unwrap().unwrap();
    assert_eq!((&*counter.content.code, counter.revision.get()), ("200", 201));
    assert_eq!(ours + theirs, 29);
    assert_eq!(opened.store.list().await.unwrap().tools.len(), 30);
    // The changes of either process, in order.
    let (mut last, mut tools) = (0, 0);
    while last < 201 || tools < 29 {
        let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await;
        match event.unwrap().unwrap() {
            StoreEvent::Put(record) if record.name.as_str() == "the.counter" => {
                // Some may be left out: they are in the history no more once this process looks.
                assert!(record.revision.get() > last);
                last = record.revision.get();
            }
            StoreEvent::Put(_) => tools += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_process_holds_up_writes_but_nothing_else() {
    if let Some((_, path)) = peer::role() {
        let database = rows::database(&path);
        let txn = database.begin_write().unwrap();
        peer::say("holding");
        peer::listen();
        return txn.abort().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let opened = open(&path).await;
    let tool = created("a.tool", "1");
    opened.store.insert(Arc::clone(&tool), PLENTY).await.unwrap();
    let test = "store::peers::a_stopped_process_holds_up_writes_but_nothing_else";
    let mut peer = Peer::start(&[], test, "hold", &path);
    assert_eq!(peer.line().await.unwrap(), "holding");
    peer.signal("STOP").await;

    let (write, opening) =
        tokio::join!(opened.store.insert(created("b.tool", "1"), PLENTY), try_open(&path));
    assert!(matches!(&write, Err(error @ StoreError::Unavailable { .. }) if error.retryable()));
    let error = opening.err().unwrap();
    assert!(matches!(error, OpenError::Busy(_)), "{error}");
    assert!(names(&error.to_string(), &path), "{error}");
    assert_eq!(opened.store.list().await.unwrap().tools, [tool]);
    opened.store.health().await.unwrap();

    peer.signal("CONT").await;
    peer.tell("let go").await;
    peer.end().await;
    // What was given up is not done later, behind the caller's back.
    assert_eq!(opened.store.get(&name("b.tool")).await.unwrap(), None);
    opened.store.insert(created("b.tool", "1"), PLENTY).await.unwrap();
    opened.close().await;
}

fn names(message: &str, path: &Path) -> bool {
    message.contains(path.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn first_starts_at_once_share_one_file() {
    if let Some((who, path)) = peer::role() {
        peer::say("ready");
        peer::listen();
        let opened = open(&path).await;
        opened.store.insert(created(&format!("tool.{who}"), "1"), PLENTY).await.unwrap();
        peer::say("done");
        return opened.close().await;
    }
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/tools.redb");
        let test = "store::peers::first_starts_at_once_share_one_file";
        let mut peers: Vec<_> = ["a", "b", "c", "d"]
            .map(|who| Peer::start(&[], test, who, &path))
            .into_iter()
            .collect();
        for peer in &mut peers {
            assert_eq!(peer.line().await.unwrap(), "ready");
        }
        for peer in &mut peers {
            peer.tell("go").await;
        }
        for peer in &mut peers {
            assert_eq!(peer.line().await.unwrap(), "done");
            peer.end().await;
        }
        let opened = open(&path).await;
        assert_eq!(opened.store.list().await.unwrap().tools.len(), 4);
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside the store");
    }
}
