//! Folders and files that may not be written. The process is one without root's power to write anywhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dynamic_mcp::ports::{StoreError, ToolStore as _};

use super::try_open;
use crate::support::peer::{self, Peer};
use crate::support::records::created;

/// Takes every capability away from a process that root starts; does nothing to another user's.
const POWERLESS: &[&str] = &[
    "sh",
    "-c",
    "[ $(id -u) = 0 ] && exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"; exec \"$@\"",
    "sh",
];

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Opens the store and says how that went; then writes and says how that went.
async fn attempt(path: &Path) {
    match try_open(path).await {
        Ok(opened) => {
            peer::say("opened");
            peer::listen();
            match opened.store.insert(created("a.tool", "1"), 10).await {
                Ok(()) => peer::say("written"),
                Err(StoreError::Unavailable { reason, .. }) => peer::say(&reason),
                Err(error) => panic!("{error}"),
            }
            opened.close().await;
        }
        Err(error) => peer::say(&error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_named() {
    if let Some((_, path)) = peer::role() {
        return attempt(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o555);
    let test = "store::refused::a_folder_that_may_not_be_written_is_named";
    for path in [folder.path().join("tools.redb"), folder.path().join("new/tools.redb")] {
        let mut peer = Peer::start(POWERLESS, test, "open", &path);
        let said = peer.line().await.unwrap();
        assert!(said.contains(folder.path().to_str().unwrap()), "{said}");
        assert!(said.contains("denied"), "{said}");
        peer.end().await;
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    set_mode(folder.path(), 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_written_is_named() {
    if let Some((_, path)) = peer::role() {
        return attempt(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.redb");
    try_open(&path).await.unwrap().close().await;
    let before = fs::read(&path).unwrap();
    let test = "store::refused::a_file_that_may_not_be_written_is_named";
    for mode in [0o400, 0o000] {
        set_mode(&path, mode);
        let mut peer = Peer::start(POWERLESS, test, "open", &path);
        let said = peer.line().await.unwrap();
        assert!(said.contains(path.to_str().unwrap()) && said.contains("denied"), "{said}");
        peer.end().await;
    }
    set_mode(&path, 0o600);
    assert!(fs::read(&path).unwrap() == before, "the file was changed");
}
