//! The registry's use cases: create, update, enable, roll back, delete, list and get, with optimistic
//! concurrency.
//!
//! The store only compares and swaps; the rules are applied here, once, for every store. What was written
//! is put into the snapshot at once, and the store's watch brings in what others wrote.
//!
//! | file | what it is for |
//! | --- | --- |
//! | this one | what the catalogue is made of, and what it holds in memory |
//! | `author` | who makes a change |
//! | `admit` | whether a definition may be written |
//! | `write` | create, update, enable, delete |
//! | `versions` | the history, and going back in it |
//! | `reservation` | names that are being created |
//! | `mounts` | tools of other servers, and the names that are theirs |

mod admit;
mod author;
mod mounts;
mod reservation;
mod versions;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use self::author::Author;

use super::testing::Examples;
use super::{AppError, Engines, Gate, Snapshot, Tool};
use crate::domain::Scope;
use crate::domain::tool::{Revision, ToolName, ToolPolicy, ToolRecord};
use crate::domain::upstream::Alias;
use crate::ports::{Clock, SchemaCheck, StoreError, StoreEvent, ToolStore};

/// What bounds the registry.
#[derive(Debug, Clone)]
pub struct CatalogLimits {
    /// Most tools (`MCP_DYNAMIC_MAX_TOOLS`).
    pub max_tools: usize,
    /// What a definition may be.
    pub policy: ToolPolicy,
}

/// What the catalogue is made of.
pub struct CatalogParts {
    /// Where tools are kept.
    pub store: Arc<dyn ToolStore>,
    /// Compiles schemas.
    pub schemas: Arc<dyn SchemaCheck>,
    /// Checks code and resolves engines.
    pub engines: Engines,
    /// Dates revisions.
    pub clock: Arc<dyn Clock>,
    /// Forgets the scopes of deleted tools.
    pub gate: Arc<Gate>,
    /// What bounds it.
    pub limits: CatalogLimits,
    /// Runs the examples of what is to be written (`MCP_DYNAMIC_TEST_ON_WRITE`); `None`: they are not run.
    pub test_on_write: Option<Arc<Examples>>,
}

/// The registry.
pub struct Catalog {
    parts: CatalogParts,
    snapshot: ArcSwap<Snapshot>,
    /// Held while the next snapshot is made.
    writing: Mutex<()>,
    changes: watch::Sender<u64>,
    /// Client-safe spellings of tools that are being created.
    reserved: Mutex<HashSet<String>>,
    /// Aliases of upstreams, whose names are theirs alone, with how often each is held.
    prefixes: Mutex<BTreeMap<Alias, usize>>,
}

impl Catalog {
    /// An empty catalogue; [`reload`](Self::reload) fills it.
    pub fn new(parts: CatalogParts) -> Self {
        Self {
            parts,
            snapshot: ArcSwap::default(),
            writing: Mutex::default(),
            changes: watch::Sender::default(),
            reserved: Mutex::default(),
            prefixes: Mutex::default(),
        }
    }

    /// The registry as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Wakes whenever the snapshot changes, with its version. Bursts may come as one.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the store can be read just now.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.parts.store.health().await
    }

    /// One tool, by documented name or client-safe spelling, disabled or not.
    pub fn get(&self, name: &str) -> Result<Arc<Tool>, AppError> {
        let snapshot = self.snapshot.load();
        if let Some(tool) = snapshot.find(name) {
            return Ok(Arc::clone(tool));
        }
        Err(match snapshot.corrupt(name) {
            Some(reason) => StoreError::Corrupt { reason: reason.to_owned(), source: None }.into(),
            None => AppError::NotFound(name.chars().take(ToolName::MAX_CHARS).collect()),
        })
    }

    /// Reads everything from the store.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let listing = self.parts.store.list().await?;
        for (name, reason) in &listing.corrupt {
            tracing::error!(tool.name = %name, reason, "a stored tool can't be served");
        }
        let old = self.snapshot();
        let reuse = |record: Arc<ToolRecord>| match old.find(record.name.as_str()) {
            Some(tool) if *tool.record() == record => Arc::clone(tool),
            _ => Arc::new(Tool::new(record)),
        };
        let tools = listing.tools.into_iter().map(reuse).collect();
        self.swap(|snapshot| snapshot.rebuild(tools, listing.corrupt));
        Ok(())
    }

    /// Takes in a change that the store announced.
    pub async fn absorb(&self, event: StoreEvent) -> Result<(), StoreError> {
        match event {
            StoreEvent::Put(record) => self.put(Tool::new(record)),
            StoreEvent::Removed(name, revision) => self.take(&name, revision),
            StoreEvent::Resync => self.reload().await?,
        }
        Ok(())
    }

    fn put(&self, tool: Tool) {
        let tool = Arc::new(tool);
        self.swap(|snapshot| snapshot.with(tool));
    }

    fn take(&self, name: &ToolName, revision: Revision) {
        self.swap(|snapshot| snapshot.without(name, revision));
        self.parts.gate.forget(&Scope::dynamic(name));
    }

    fn swap(&self, next: impl FnOnce(&Snapshot) -> Option<Snapshot>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = next(&self.snapshot.load()) {
            let version = next.version();
            self.snapshot.store(Arc::new(next));
            self.changes.send_replace(version);
        }
    }
}
