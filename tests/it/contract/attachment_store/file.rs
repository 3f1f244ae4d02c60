//! Attachments in the store's file.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::file::{FileAttachments, FileOptions, FileStore};
use dynamic_mcp::ports::{AttachmentStore, ToolStore as _};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Harness, stamp};
use crate::support::attachments::http;
use crate::support::records::created;

struct TempFile {
    folder: TempDir,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl TempFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("tools.redb")
    }
}

#[async_trait]
impl Harness for TempFile {
    async fn open(&self) -> Arc<dyn AttachmentStore> {
        Arc::new(FileAttachments::open(&self.path(), &self.tasks, &self.stop).await.unwrap())
    }
}

stamp!(TempFile::new());

#[tokio::test(flavor = "multi_thread")]
async fn tools_and_attachments_share_a_file() {
    let h = TempFile::new();
    let path = h.path();
    let open = FileStore::open(&path, FileOptions::default(), &h.tasks, &h.stop);
    let tools = open.await.unwrap();
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
