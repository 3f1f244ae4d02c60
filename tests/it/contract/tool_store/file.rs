//! The store in a file.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::file::{FileOptions, FileStore};
use dynamic_mcp::ports::ToolStore;
use tempfile::TempDir;

use super::super::background::Background;
use super::durable::{DurableHarness, durable};
use super::{HISTORY, StoreHarness, shared::shared, single::single, watched::watched};
use crate::support::rows;

struct TempFile {
    folder: TempDir,
    background: Background,
}

impl TempFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, background: Background::default() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("tools.redb")
    }
}

#[async_trait]
impl StoreHarness for TempFile {
    async fn open(&self) -> Arc<dyn ToolStore> {
        let (tracker, stop) = self.background.current();
        let options = FileOptions { history: HISTORY };
        Arc::new(FileStore::open(&self.path(), options, &tracker, &stop).await.unwrap())
    }
}

#[async_trait]
impl DurableHarness for TempFile {
    fn background(&self) -> &Background {
        &self.background
    }

    async fn damage(&self, name: &str) {
        rows::alter(&self.path(), name, |row| row.replace("\"code\":\"1\"", "\"code\":\"2\""));
    }
}

single!(TempFile::new());
watched!(TempFile::new());
shared!(TempFile::new());
durable!(TempFile::new());
