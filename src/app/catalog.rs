//! The registry's use cases: create, update, enable, delete, list and get, with optimistic concurrency.
//!
//! The store only compares and swaps; the rules are applied here, once, for every store. What was written
//! is put into the snapshot at once, and the store's watch brings in what others wrote.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{AppError, Engines, Gate, Snapshot, Tool};
use crate::domain::tool::record::Edit;
use crate::domain::tool::schema::SchemaError;
use crate::domain::tool::{
    Change, Expected, InvalidTool, Revision, ToolContent, ToolDraft, ToolName, ToolPatch,
    ToolPolicy, ToolRecord,
};
use crate::domain::{Actor, Scope};
use crate::ports::{Clock, SchemaCheck, StoreError, StoreEvent, ToolStore};

/// Attempts of a write without an expected revision. Each failed one means that somebody else's write
/// went through, so this many is only reached in a storm.
const MAX_ATTEMPTS: usize = 64;

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

    /// Makes a tool.
    pub async fn create(
        &self,
        actor: Actor,
        draft: ToolDraft,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let enabled = draft.enabled;
        let (name, content) = draft.check(&self.parts.limits.policy)?;
        let _reservation = self.reserve(&name)?;
        let snapshot = self.snapshot();
        if snapshot.len() >= self.parts.limits.max_tools {
            return Err(self.full());
        }
        let tool_schemas = self.compile(&content)?;
        self.parts.engines.check(&content.code).await??;
        let engine = self.parts.engines.resolve(content.engine, !content.dependencies.is_empty());
        let edit = self.edit(actor, Change::Create);
        let mut last = snapshot.last_deleted(&name);
        for _ in 0..MAX_ATTEMPTS {
            let record = Arc::new(ToolRecord::create(
                name.clone(),
                content.clone(),
                enabled,
                engine,
                last,
                edit.clone(),
            ));
            let stored =
                self.parts.store.insert(Arc::clone(&record), self.parts.limits.max_tools).await;
            match stored {
                Ok(()) => {
                    self.put(tool_schemas.attach(&record));
                    return Ok(record);
                }
                Err(StoreError::Exists) => return Err(AppError::AlreadyExists(name)),
                Err(StoreError::Full { .. }) => return Err(self.full()),
                // The name had a tool before, here or in another process.
                Err(StoreError::Conflict { actual: Some(actual) }) => last = Some(actual),
                Err(other) => return Err(other.into()),
            }
        }
        Err(contended())
    }

    /// Changes a tool's definition.
    pub async fn update(
        &self,
        actor: Actor,
        name: &str,
        patch: ToolPatch,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let policy = &self.parts.limits.policy;
        let mut checked: Option<Arc<str>> = None;
        let mut current = self.current(name, expected).await?;
        for _ in 0..MAX_ATTEMPTS {
            let (content, enabled) =
                patch.clone().apply(&current.content, current.enabled, policy)?;
            self.compile(&content)?;
            let known = content.code == current.content.code
                || checked.as_ref().is_some_and(|code| *code == content.code);
            if !known {
                self.parts.engines.check(&content.code).await??;
                checked = Some(Arc::clone(&content.code));
            }
            let engine =
                self.parts.engines.resolve(content.engine, !content.dependencies.is_empty());
            let edit = self.edit(actor.clone(), Change::Update);
            let next = current.revise(content, enabled, engine, expected, edit)?;
            match self.replace(&current, next, expected).await? {
                Replaced::Done(record) => return Ok(record),
                Replaced::Behind(newest) => current = newest,
            }
        }
        Err(contended())
    }

    /// Enables or disables a tool.
    pub async fn set_enabled(
        &self,
        actor: Actor,
        name: &str,
        enabled: bool,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let change = if enabled { Change::Enable } else { Change::Disable };
        let mut current = self.current(name, expected).await?;
        for _ in 0..MAX_ATTEMPTS {
            let edit = self.edit(actor.clone(), change);
            let next = current.set_enabled(enabled, expected, edit)?;
            match self.replace(&current, next, expected).await? {
                Replaced::Done(record) => return Ok(record),
                Replaced::Behind(newest) => current = newest,
            }
        }
        Err(contended())
    }

    /// Deletes a tool; its history stays.
    pub async fn delete(&self, name: &str, expected: Expected) -> Result<ToolName, AppError> {
        let mut current = self.current(name, expected).await?;
        for _ in 0..MAX_ATTEMPTS {
            match self.parts.store.remove(&current.name, current.revision).await {
                Ok(()) => {
                    self.take(&current.name, current.revision);
                    return Ok(current.name.clone());
                }
                Err(StoreError::Conflict { .. }) => {
                    current = self.newest(&current.name, expected).await?;
                    expected.check(current.revision)?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(contended())
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
        self.swap(|snapshot| Some(snapshot.rebuild(tools, listing.corrupt)));
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

    /// The record that a write starts from: the snapshot's, unless that is not the one expected.
    async fn current(&self, name: &str, expected: Expected) -> Result<Arc<ToolRecord>, AppError> {
        let current = Arc::clone(self.get(name)?.record());
        if expected.check(current.revision).is_ok() {
            return Ok(current);
        }
        // The snapshot may be behind another process's write.
        let newest = self.newest(&current.name, expected).await?;
        expected.check(newest.revision)?;
        Ok(newest)
    }

    /// Puts `next` in the place of `current`. If somebody else was faster and the caller expected no certain
    /// revision, the write has to be made anew on the newest one.
    async fn replace(
        &self,
        current: &ToolRecord,
        next: ToolRecord,
        expected: Expected,
    ) -> Result<Replaced, AppError> {
        let next = Arc::new(next);
        match self.parts.store.replace(Arc::clone(&next), current.revision).await {
            Ok(()) => {
                self.put(Tool::new(Arc::clone(&next)));
                Ok(Replaced::Done(next))
            }
            Err(StoreError::Conflict { .. }) => {
                let newest = self.newest(&current.name, expected).await?;
                expected.check(newest.revision)?;
                Ok(Replaced::Behind(newest))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The newest record from the store itself.
    async fn newest(
        &self,
        name: &ToolName,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
        match (self.parts.store.get(name).await?, expected) {
            (Some(record), _) => Ok(record),
            (None, Expected::Exactly(expected)) => {
                Err(AppError::Gone { name: name.clone(), expected })
            }
            (None, Expected::Any) => Err(AppError::NotFound(name.to_string())),
        }
    }

    fn edit(&self, actor: Actor, change: Change) -> Edit {
        Edit { change, actor, at: self.parts.clock.now() }
    }

    fn full(&self) -> AppError {
        AppError::LimitReached { max: self.parts.limits.max_tools }
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

    /// Compiles the schemas of a definition that is to be written.
    fn compile(&self, content: &ToolContent) -> Result<CheckedSchemas, AppError> {
        let compile = |field, schema: Option<&_>| {
            schema.map(|schema| self.parts.schemas.compile(schema)).transpose().map_err(|reason| {
                InvalidTool::Schema { field, source: SchemaError::Invalid(reason) }
            })
        };
        Ok(CheckedSchemas {
            input: compile("inputSchema", content.input_schema.as_ref())?,
            output: compile("outputSchema", content.output_schema.as_ref())?,
        })
    }

    /// Holds a spelling while its tool is being created, so that of two colliding names created at once
    /// only one comes to be.
    fn reserve(&self, name: &ToolName) -> Result<Reservation<'_>, AppError> {
        let spelling = name.client_safe();
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load();
        if snapshot.find(name.as_str()).is_some_and(|tool| tool.record().name == *name)
            || snapshot.corrupt(name.as_str()).is_some()
        {
            return Err(AppError::AlreadyExists(name.clone()));
        }
        if let Some(other) = snapshot.spelled_like(name) {
            return Err(AppError::SpellingTaken { name: name.clone(), other: other.clone() });
        }
        if !reserved.insert(spelling.clone()) {
            return Err(AppError::AlreadyExists(name.clone()));
        }
        Ok(Reservation { catalog: self, spelling })
    }
}

/// What came of a swap.
enum Replaced {
    Done(Arc<ToolRecord>),
    Behind(Arc<ToolRecord>),
}

struct CheckedSchemas {
    input: Option<Arc<dyn crate::ports::CompiledSchema>>,
    output: Option<Arc<dyn crate::ports::CompiledSchema>>,
}

impl CheckedSchemas {
    fn attach(self, record: &Arc<ToolRecord>) -> Tool {
        Tool::compiled(Arc::clone(record), self.input, self.output)
    }
}

struct Reservation<'a> {
    catalog: &'a Catalog,
    spelling: String,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut reserved = self.catalog.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.remove(&self.spelling);
    }
}

/// Others' writes came first every time.
fn contended() -> AppError {
    let reason = "too many writes to the same tool at once; try again".to_owned();
    StoreError::Unavailable { reason, source: None }.into()
}
