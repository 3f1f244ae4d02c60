//! PostgreSQL is killed while two servers write as much as they can.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::measured;
use crate::support::cluster::Cluster;
use crate::support::replica::{Replica, create, is_ok, names};
use crate::support::wait::until;

/// Writers at each server.
const WRITERS: usize = 4;
/// Writes before the server is killed, and again before the storm ends.
const WRITES: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_outlives_a_killed_server() {
    let mut cluster = Cluster::start(&[]).await;
    let replicas =
        [Replica::start(&cluster.url(), &[]).await, Replica::start(&cluster.url(), &[]).await];
    for replica in &replicas {
        replica.ready().await;
    }
    let (over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let refused = Arc::new(AtomicUsize::new(0));
    let writers = (0..WRITERS * 2).map(|writer| {
        let address = replicas[writer % 2].address;
        let (over, made, refused) = (Arc::clone(&over), Arc::clone(&made), Arc::clone(&refused));
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let mut longest = Duration::ZERO;
            for n in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("storm.w{writer}.n{n}");
                let since = Instant::now();
                let result = create(address, &name, "return 1").await;
                if is_ok(&result) {
                    acknowledged.push(name);
                    made.fetch_add(1, Ordering::Relaxed);
                } else {
                    assert_eq!(
                        result["structuredContent"]["code"], "store_unavailable",
                        "{result}"
                    );
                    longest = longest.max(since.elapsed());
                    refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            (acknowledged, longest)
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut kills = 0;
    for _ in 0..2 {
        let before = made.load(Ordering::Relaxed);
        until(async || made.load(Ordering::Relaxed) >= before + WRITES).await;
        cluster.kill().await;
        kills += 1;
        let before = refused.load(Ordering::Relaxed);
        until(async || refused.load(Ordering::Relaxed) > before + 20).await;
        cluster.up().await;
        let back = Instant::now();
        // Changes propagate again, both ways.
        for (from, to) in [(0, 1), (1, 0)] {
            let name = format!("signal.k{kills}.from{from}");
            until(async || is_ok(&create(replicas[from].address, &name, "return 1").await)).await;
            until(async || names(replicas[to].address).await.contains(&name)).await;
        }
        measured("changes propagate both ways after the kill", back);
    }
    let before = made.load(Ordering::Relaxed);
    until(async || made.load(Ordering::Relaxed) >= before + WRITES).await;
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    let mut longest = Duration::ZERO;
    for writer in writers {
        let (names, refusal) = writer.await.unwrap();
        acknowledged.extend(names);
        longest = longest.max(refusal);
    }
    super::said(&format!(
        "{} writes acknowledged, {} refused, the longest refusal {longest:?}",
        acknowledged.len(),
        refused.load(Ordering::Relaxed),
    ));
    for replica in &replicas {
        until(async || {
            let there: BTreeSet<String> = names(replica.address).await.into_iter().collect();
            acknowledged.is_subset(&there)
        })
        .await;
    }
    let mut all = Vec::new();
    for replica in &replicas {
        all.push(names(replica.address).await);
    }
    assert_eq!(all[0], all[1], "both know the same");
}
