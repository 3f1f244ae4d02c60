//! Attachments in the store's file.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::file::{FileAttachments, FileOptions, FileStore};
use dynamic_mcp::ports::{AttachmentStore, ToolStore as _};
use tempfile::TempDir;

use super::super::background::Background;
use super::{Harness, stamp};
use crate::support::attachments::http;
use crate::support::records::created;

struct TempFile {
    folder: TempDir,
    background: Background,
}

impl TempFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), background: Background::default() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("tools.redb")
    }
}

#[async_trait]
impl Harness for TempFile {
    async fn open(&self) -> Arc<dyn AttachmentStore> {
        let (tasks, stop) = self.background.current();
        Arc::new(FileAttachments::open(&self.path(), &tasks, &stop).await.unwrap())
    }
}

stamp!(TempFile::new());

#[tokio::test(flavor = "multi_thread")]
async fn tools_and_attachments_share_a_file() {
    let h = TempFile::new();
    let path = h.path();
    let (tasks, stop) = h.background.current();
    let tools = FileStore::open(&path, FileOptions::default(), &tasks, &stop).await.unwrap();
    let attachments = h.open().await;
    attachments.insert(&http("a", "1"), 9, None).await.unwrap();
    tools.insert(created("a.tool", "1"), 9).await.unwrap();
    attachments.insert(&http("b", "2"), 9, None).await.unwrap();
    assert_eq!(attachments.list().await.unwrap().len(), 2);
    assert_eq!(tools.list().await.unwrap().tools.len(), 1);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let h = TempFile::new();
    h.open().await.insert(&http("a", "1"), 9, None).await.unwrap();
    let mode = std::fs::metadata(h.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
