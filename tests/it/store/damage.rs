//! A file that the disk, or somebody, changed: nothing wrong is ever served, and nothing hangs or dies.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dynamic_mcp::adapters::outbound::store::file::OpenError;
use dynamic_mcp::domain::tool::ToolRecord;
use dynamic_mcp::ports::{StoreError, ToolStore as _};

use super::{open, try_open};
use crate::support::records::{created, revised};

const TOOLS: usize = 30;

fn tool(number: usize) -> Arc<ToolRecord> {
    created(&format!("tool.{number}"), &format!("return {number};").repeat(100))
}

/// The bytes of a store with tools and a history, as a crash left it or as a clean end did.
async fn store(path: &Path, crashed: bool) -> Vec<u8> {
    let opened = open(path).await;
    for number in 0..TOOLS {
        let first = tool(number);
        opened.store.insert(Arc::clone(&first), 100).await.unwrap();
        if number % 3 == 0 {
            let second = revised(&first, &first.content.code);
            opened.store.replace(second, first.revision).await.unwrap();
        }
    }
    // While it is open the file is as a crash would leave it.
    let at_crash = fs::read(path).unwrap();
    opened.close().await;
    if crashed { at_crash } else { fs::read(path).unwrap() }
}

/// Opens what lies at the path and reads all of it; everything that is served must be right.
async fn read_all(path: &Path) {
    let Ok(opened) = try_open(path).await else { return };
    if let Ok(listing) = opened.store.list().await {
        for found in listing.tools {
            let number = found.name.as_str().strip_prefix("tool.").unwrap().parse().unwrap();
            assert_eq!(found.content.code, tool(number).content.code);
        }
    }
    for number in 0..TOOLS {
        let expected = tool(number);
        for result in [
            opened.store.get(&expected.name).await,
            opened.store.history(&expected.name, 1).await.map(|mut records| records.pop()),
        ] {
            match result {
                Ok(found) => {
                    assert!(found.is_none_or(|found| found.content.code == expected.content.code));
                }
                Err(StoreError::Corrupt { .. } | StoreError::Unavailable { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_are_found_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let whole = store(&path, false).await;
    // A linear congruential generator: the same damage every time.
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            bytes[random(whole.len())] ^= 1 << random(8);
        }
        fs::write(&path, &bytes).unwrap();
        read_all(&path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_cut_short_after_a_crash_is_damaged_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let whole = store(&path, true).await;
    for length in (4_096..whole.len()).step_by(4_096) {
        fs::write(&path, &whole[..length]).unwrap();
        match try_open(&path).await {
            Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error}"),
            // Only pages that nothing was in are missing.
            Ok(opened) => {
                assert_eq!(opened.store.list().await.unwrap().tools.len(), TOOLS, "{length}");
                opened.close().await;
            }
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(open(&path).await.store.list().await.unwrap().tools.len(), TOOLS);
}
