//! Writes: create, update, enable and delete, each a compare-and-swap that is repeated where the caller
//! expected no certain revision.

use std::sync::Arc;

use super::admit::Known;
use super::{Author, Catalog};
use crate::app::{AppError, Tool};
use crate::domain::Actor;
use crate::domain::tool::record::Edit;
use crate::domain::tool::{
    Change, Expected, InvalidTool, ToolContent, ToolDraft, ToolName, ToolPatch, ToolRecord,
};
use crate::ports::StoreError;

/// Attempts of a write without an expected revision. Each failed one means that somebody else's write
/// went through, so this many is only reached in a storm.
const MAX_ATTEMPTS: usize = 64;

/// What came of a swap.
enum Replaced {
    Done(Arc<ToolRecord>),
    Behind(Arc<ToolRecord>),
}

impl Catalog {
    /// Makes a tool.
    pub async fn create(
        &self,
        author: impl Into<Author> + Send,
        draft: ToolDraft,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let author = author.into();
        let enabled = draft.enabled;
        let (name, mut content) = draft.check(&self.parts.limits.policy)?;
        let _reservation = self.reserve(&name)?;
        let snapshot = self.snapshot();
        if snapshot.len() >= self.parts.limits.max_tools {
            return Err(self.full());
        }
        let schemas = self.admit(&name, &mut content, &mut Known::default(), &author).await?;
        let engine = self.engine_of(&content).await;
        let edit = self.edit(author.actor, Change::Create);
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
                    self.put(schemas.attach(&record));
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
        author: impl Into<Author> + Send,
        name: &str,
        patch: ToolPatch,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let author = author.into();
        let current = self.current(name, expected).await?;
        self.redefine(current, (author, Change::Update), expected, |current| {
            let policy = &self.parts.limits.policy;
            patch.clone().apply(&current.content, current.enabled, policy)
        })
        .await
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
                Replaced::Done(record) => {
                    self.put(self.successor(&record));
                    return Ok(record);
                }
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

    /// Writes what `define` makes of the newest revision: a definition, and whether it is enabled.
    pub(super) async fn redefine(
        &self,
        mut current: Arc<ToolRecord>,
        (author, change): (Author, Change),
        expected: Expected,
        define: impl Fn(&ToolRecord) -> Result<(ToolContent, bool), InvalidTool> + Send + Sync,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let mut known = Known::of(&current);
        for _ in 0..MAX_ATTEMPTS {
            let (mut content, enabled) = define(&current)?;
            let schemas = self.admit(&current.name, &mut content, &mut known, &author).await?;
            let engine = self.engine_of(&content).await;
            let edit = self.edit(author.actor.clone(), change);
            let next = current.revise(content, enabled, engine, expected, edit)?;
            match self.replace(&current, next, expected).await? {
                Replaced::Done(record) => {
                    self.put(schemas.attach(&record));
                    return Ok(record);
                }
                Replaced::Behind(newest) => current = newest,
            }
        }
        Err(contended())
    }

    /// The record that a write starts from: the snapshot's, unless that is not the one expected.
    pub(super) async fn current(
        &self,
        name: &str,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
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
    /// revision, the write has to be made anew on the newest one. The snapshot is the caller's business.
    async fn replace(
        &self,
        current: &ToolRecord,
        next: ToolRecord,
        expected: Expected,
    ) -> Result<Replaced, AppError> {
        let next = Arc::new(next);
        match self.parts.store.replace(Arc::clone(&next), current.revision).await {
            Ok(()) => Ok(Replaced::Done(next)),
            Err(StoreError::Conflict { .. }) => {
                let newest = self.newest(&current.name, expected).await?;
                expected.check(newest.revision)?;
                Ok(Replaced::Behind(newest))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The tool at a revision that was written with the definition of the one before it.
    fn successor(&self, record: &Arc<ToolRecord>) -> Tool {
        match self.snapshot().find(record.name.as_str()) {
            Some(tool) if tool.record().digest == record.digest => {
                tool.successor(Arc::clone(record))
            }
            _ => Tool::new(Arc::clone(record)),
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
}

/// Others' writes came first every time.
fn contended() -> AppError {
    let reason = "too many writes to the same tool at once; try again".to_owned();
    StoreError::Unavailable { reason, source: None }.into()
}
