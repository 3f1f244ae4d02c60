//! A disk without space: nobody waits, it is said, and nothing is lost that there is room for in memory.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dynamic_mcp::ports::AuditLog as _;

use super::{Kept, numbered, numbers};
use crate::support::peer;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_survived() {
    if let Some((_, disk)) = peer::role() {
        return fill(&disk).await;
    }
    peer::on_small_disk("256k", "audit::full::a_full_disk_is_told_and_survived").await;
}

async fn fill(disk: &Path) {
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 200_000]).unwrap();
    let log = Kept::open(&disk.join("audit.log"), 1_000_000, 5);
    assert_eq!(log.log.problem(), None);

    let mut recorded = 0;
    while !log.counts.failing.load(Ordering::SeqCst) {
        log.log.record(numbered(recorded));
        recorded += 1;
        tokio::task::yield_now().await;
        assert!(recorded < 1_000_000, "the disk does not fill");
    }
    let problem = log.log.problem().unwrap();
    assert!(problem.contains("no space left"), "{problem}");
    assert!(!problem.contains('/') && !problem.contains("os error"), "{problem}");

    // What there is no room for in memory either is counted; recording goes on at once.
    while log.counts.lost.load(Ordering::SeqCst) < 10 {
        log.log.record(numbered(recorded));
        recorded += 1;
    }
    let lost = log.counts.lost.load(Ordering::SeqCst);
    // Every line that is there is whole.
    log.lines(0);

    fs::remove_file(&ballast).unwrap();
    fs::write(disk.join("rest"), vec![1; 1_000_000]).unwrap_err();
    fs::remove_file(disk.join("rest")).unwrap();
    // There is not room for everything that waits on this disk: what is written is moved off it.
    let mut kept = Vec::new();
    let written = || log.counts.written.load(Ordering::SeqCst);
    let recovered = async {
        while log.log.problem().is_some() || written() < recorded - lost {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let moved = disk.join("moved");
            if fs::rename(&log.path, &moved).is_ok() {
                // A write that had begun goes to the file, whatever its name.
                tokio::time::sleep(Duration::from_millis(100)).await;
                kept.extend(read(&moved));
                fs::remove_file(&moved).unwrap();
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), recovered).await.unwrap();
    assert!(!log.counts.failing.load(Ordering::SeqCst));
    log.log.close().await;
    kept.extend(log.lines(0));

    let numbers = numbers(&kept);
    assert_eq!(numbers.len() as u64, recorded - lost, "all but what was lost");
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
    let gaps = kept.iter().filter(|line| line["action"] == "audit.gap");
    let told: u64 = gaps.map(|gap| gap["details"]["lost"].as_u64().unwrap()).sum();
    assert_eq!(told, lost);
    peer::say(peer::DONE);
}

fn read(path: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
