//! A process killed in a storm of writes loses nothing that it was told is done.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::domain::tool::ToolRecord;
use dynamic_mcp::ports::ToolStore;

use super::open;
use crate::support::peer::{self, Peer};
use crate::support::records::{created, name, recreated, revised};

const ROUNDS: u64 = 12;
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_by_a_kill() {
    if let Some((round, path)) = peer::role() {
        return storm(&path, &round).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let mut done = BTreeMap::new();
    for round in 0..ROUNDS {
        let test = "store::crash::no_acknowledged_write_is_lost_by_a_kill";
        let mut storm = Peer::start(&[], test, &round.to_string(), &path);
        let mut acknowledged = vec![storm.line().await.unwrap()];
        // A different moment each time, from the first commit on.
        let moment = tokio::time::sleep(Duration::from_micros(round * round * 700));
        tokio::pin!(moment);
        loop {
            tokio::select! {
                () = &mut moment => break,
                line = storm.line() => acknowledged.push(line.unwrap()),
            }
        }
        storm.signal("KILL").await;
        // What it had said before it died.
        while let Some(line) = storm.line().await {
            acknowledged.push(line);
        }
        storm.end().await;
        for line in acknowledged {
            let mut words = line.split(' ');
            let (tool, revision) = (words.next().unwrap(), words.next().unwrap());
            let revision: u64 = revision.parse().unwrap();
            done.insert(tool.to_owned(), (revision, words.next() == Some("live")));
        }
        check(&path, &done).await;
    }
    assert!(done.len() > WRITERS, "the storm did something: {done:?}");
}

/// Each acknowledged write is there, unless the one after it is, which nobody was told.
async fn check(path: &Path, done: &BTreeMap<String, (u64, bool)>) {
    let opened = open(path).await;
    let listing = opened.store.list().await.unwrap();
    assert_eq!(listing.corrupt, []);
    for (tool, &(revision, live)) in done {
        let tool = name(tool);
        let last = opened.store.last_revision(&tool).await.unwrap().unwrap().get();
        let found = opened.store.get(&tool).await.unwrap();
        match last - revision {
            0 if live => assert!(found.is_none_or(|found| found.revision.get() == revision)),
            0 => assert_eq!(found, None, "{tool} was deleted"),
            1 => assert_eq!(found.unwrap().revision.get(), last),
            _ => panic!("{tool} is at revision {last}, {revision} was acknowledged"),
        }
        let history = opened.store.history(&tool, 100).await.unwrap();
        let numbers: Vec<_> = history.iter().map(|record| record.revision.get()).collect();
        assert_eq!(numbers, (1..=last).rev().collect::<Vec<_>>());
    }
    opened.close().await;
}

/// Writes without end, and says each write that was acknowledged.
async fn storm(path: &Path, round: &str) {
    let opened = open(path).await;
    let writers = (0..WRITERS).map(|writer| {
        let store: Arc<dyn ToolStore> = opened.store.clone();
        let prefix = format!("tool.r{round}.w{writer}");
        tokio::spawn(async move {
            for number in 0.. {
                life(&*store, &format!("{prefix}.n{number}"), number % 3).await;
            }
        })
    });
    futures_util::future::join_all(writers.collect::<Vec<_>>()).await;
}

/// A tool is made, changed, and, sometimes, deleted and made again.
async fn life(store: &dyn ToolStore, tool: &str, kind: usize) {
    let said = |record: &ToolRecord, live: bool| {
        let state = if live { "live" } else { "gone" };
        peer::say(&format!("{} {} {state}", record.name, record.revision));
    };
    let code = "x".repeat(2_000);
    let first = created(tool, &code);
    store.insert(Arc::clone(&first), 1_000_000).await.unwrap();
    said(&first, true);
    if kind == 0 {
        return;
    }
    let second = revised(&first, &code);
    store.replace(Arc::clone(&second), first.revision).await.unwrap();
    said(&second, true);
    if kind == 1 {
        return;
    }
    store.remove(&second.name, second.revision).await.unwrap();
    said(&second, false);
    let third = recreated(tool, &code, Some(second.revision));
    store.insert(Arc::clone(&third), 1_000_000).await.unwrap();
    said(&third, true);
}
