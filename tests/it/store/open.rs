//! What may lie at the store's path, and what is made there.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dynamic_mcp::adapters::outbound::store::file::OpenError;
use dynamic_mcp::ports::{StoreError, StoreEvent, ToolStore as _};
use futures_util::StreamExt as _;
use redb::TableDefinition;

use super::{open, try_open};
use crate::support::records::{created, full, name};
use crate::support::rows;

/// Opening must fail with an error that names the file, and leave the file as it is.
async fn refused(path: &Path) -> OpenError {
    let before = fs::read(path).ok();
    let error = try_open(path).await.err().unwrap();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(fs::read(path).ok() == before, "the file was changed");
    let folder = fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 1, "something was left beside the file");
    error
}

/// A store with some tools, closed.
async fn filled(path: &Path) {
    let opened = open(path).await;
    for n in 0..50 {
        let tool = created(&format!("tool.{n}"), &"x".repeat(3_000));
        opened.store.insert(tool, 100).await.unwrap();
    }
    opened.close().await;
}

#[tokio::test]
async fn files_of_other_kinds_are_left_as_they_are() {
    for bytes in [
        &b""[..],
        b"{}",
        b"# A text\nthat is no store.\n",
        &vec![0; 100_000],
        b"redb\x1a\x0a\xa9\x0d\x0a",
        b"SQLite format 3\0",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tools.redb");
        fs::write(&path, bytes).unwrap();
        refused(&path).await;
    }
}

#[tokio::test]
async fn a_text_is_told_to_be_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    fs::write(&path, "notes".repeat(1_000)).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
}

#[tokio::test]
async fn a_folder_is_not_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    fs::create_dir(&path).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::NotAFile(_)), "{error}");
}

#[tokio::test]
async fn a_path_through_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = try_open(&file.join("tools.redb")).await.err().unwrap();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn another_programs_database_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let database = redb::Database::create(&path).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(TableDefinition::<u64, u64>::new("meta")).unwrap().insert(1, 1).unwrap();
    txn.commit().unwrap();
    drop(database);
    let error = try_open(&path).await.err().unwrap();
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
}

#[tokio::test]
async fn a_later_releases_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    filled(&path).await;
    rows::set_schema(&path, 2);
    let error = try_open(&path).await.err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_truncated_store_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    filled(&path).await;
    let whole = fs::read(&path).unwrap();
    for length in [100, 4_096, 10_000, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error}");
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(open(&path).await.store.list().await.unwrap().tools.len(), 50);
}

#[tokio::test]
async fn a_store_kept_by_another_program_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    filled(&path).await;
    let _exclusive = redb::Database::open(&path).unwrap();
    let error = try_open(&path).await.err().unwrap();
    assert!(matches!(error, OpenError::Busy(_)), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_made_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/.dynamic-mcp/tools.redb");
    filled(&path).await;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("a/.dynamic-mcp")), 0o700);
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    let here = folder.path().join("tools.redb");
    let before = mode(folder.path());
    filled(&here).await;
    assert_eq!(mode(folder.path()), before, "a folder that was there is left as it is");
}

#[tokio::test]
async fn a_row_of_the_first_form_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let opened = open(&path).await;
    rows::put(&path, "a.full-one:x_1", 1, include_bytes!("../../fixtures/records/v1.json"));
    let found = opened.store.get(&name("a.full-one:x_1")).await.unwrap().unwrap();
    assert_eq!(found, full("a.full-one:x_1"));
}

#[tokio::test]
async fn rows_that_are_not_what_they_should_be_are_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let opened = open(&path).await;
    let row = include_str!("../../fixtures/records/v1.json");
    let own = "a.full-one:x_1";
    for (at, revision, row, why) in [
        (own, 1, row.replacen("\"form\": 1", "\"form\": 2", 1), "form 2"),
        (own, 1, "{\"form\":3}".to_owned(), "form 3"),
        (own, 1, row.replacen("\"timeoutMs\": 4321", "\"timeoutMs\": 4322", 1), "digest"),
        (own, 1, row[..row.len() / 2].to_owned(), "read"),
        (own, 1, String::new(), "read"),
        (own, 2, row.to_owned(), "another name or revision"),
        ("another.name", 1, row.to_owned(), "another name or revision"),
        ("no name!", 1, row.to_owned(), "another name or revision"),
    ] {
        rows::put(&path, at, revision, row.as_bytes());
        if let Ok(name) = dynamic_mcp::domain::tool::ToolName::parse(at) {
            let Err(StoreError::Corrupt { reason, .. }) = opened.store.get(&name).await else {
                panic!("{at}")
            };
            assert!(reason.contains(why), "{reason}");
        }
        let listing = opened.store.list().await.unwrap();
        assert!(listing.corrupt.iter().any(|(name, reason)| name == at && reason.contains(why)));
    }
}

/// Not on Windows, where a file that is open can't be removed.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_removed_under_the_server_takes_no_more_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    let opened = open(&path).await;
    let tool = created("a.tool", "1");
    opened.store.insert(Arc::clone(&tool), 10).await.unwrap();
    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    let refused = opened.store.insert(created("b.tool", "1"), 10).await;
    let Err(StoreError::Unavailable { reason, .. }) = refused else { panic!("{refused:?}") };
    assert!(!reason.contains('/'), "{reason}");
    opened.store.health().await.unwrap_err();
    // Put back, or restored from a backup, it is used again, and watchers are told.
    let mut events = opened.store.watch();
    fs::copy(&away, &path).unwrap();
    let hang = std::time::Duration::from_secs(30);
    let event = tokio::time::timeout(hang, events.next()).await.unwrap().unwrap();
    assert!(matches!(event, StoreEvent::Resync), "{event:?}");
    opened.store.insert(created("b.tool", "1"), 10).await.unwrap();
    opened.close().await;
    assert_eq!(open(&path).await.store.list().await.unwrap().tools.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(&folder.path().join("tools.redb")).await;
    let store = Arc::clone(&opened.store);
    let mut events = store.watch();
    // Asked before the end, so it is done before the end.
    let last = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.insert(created("a.tool", "1"), 10).await }
    });
    last.await.unwrap().unwrap();
    opened.close().await;
    let refused = store.insert(created("b.tool", "1"), 10).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert!(matches!(store.list().await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(events.next().await, Some(StoreEvent::Put(_))));
}
