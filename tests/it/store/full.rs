//! A disk without space, and how the store comes back once there is some.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dynamic_mcp::ports::{StoreError, ToolStore as _};

use super::{open, try_open};
use crate::support::peer;
use crate::support::records::{created, name, revised};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_survived() {
    if let Some((_, disk)) = peer::role() {
        return fill(&disk).await;
    }
    peer::on_small_disk("1m", "store::full::a_full_disk_is_told_and_survived").await;
}

async fn fill(disk: &Path) {
    let path = disk.join("tools.redb");
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 300_000]).unwrap();
    let opened = open(&path).await;
    let store = &opened.store;
    let code = "x".repeat(20_000);

    let mut kept = Vec::new();
    let refusal = loop {
        let tool = created(&format!("tool.{}", kept.len()), &code);
        match store.insert(Arc::clone(&tool), 1_000).await {
            Ok(()) => kept.push(tool),
            Err(error) => break error,
        }
    };
    assert!(kept.len() > 3, "{refusal}");
    let StoreError::Unavailable { reason, .. } = &refusal else { panic!("{refusal:?}") };
    assert!(reason.contains("space"), "{reason}");
    assert!(!reason.contains('/') && !reason.contains("available"), "{reason}");
    assert!(refusal.retryable());

    // What was acknowledged is still served, also to a server that starts now.
    for _ in 0..3 {
        let tool = created("one.more", &code);
        assert!(matches!(store.insert(tool, 1_000).await, Err(StoreError::Unavailable { .. })));
        let mut listed = store.list().await.unwrap().tools;
        listed.sort_by_key(|tool| kept.iter().position(|kept| kept == tool));
        assert_eq!(listed, kept);
    }
    let second = open(&path).await;
    assert_eq!(second.store.list().await.unwrap().tools.len(), kept.len());
    second.close().await;

    // A new store doesn't fit, and leaves nothing behind.
    fs::write(disk.join("rest"), vec![1; 1_000_000]).unwrap_err();
    let other = disk.join("other.redb");
    let error = try_open(&other).await.err().unwrap();
    assert!(error.to_string().contains(other.to_str().unwrap()), "{error}");
    assert!(!other.exists());
    fs::remove_file(disk.join("rest")).unwrap();

    fs::remove_file(&ballast).unwrap();
    let last = kept.last().unwrap();
    store.replace(revised(last, "small"), last.revision).await.unwrap();
    store.insert(created("one.more", &code), 1_000).await.unwrap();
    opened.close().await;

    let opened = open(&path).await;
    let listing = opened.store.list().await.unwrap();
    assert_eq!((listing.tools.len(), listing.corrupt.len()), (kept.len() + 1, 0));
    let found = opened.store.get(&name(last.name.as_str())).await.unwrap().unwrap();
    assert_eq!(&*found.content.code, "small");
    opened.close().await;
    peer::say(peer::DONE);
}
