//! What a write does inside a transaction: compare, swap, keep the history, note the change.

use std::sync::Arc;

use redb::{ReadableTable as _, ReadableTableMetadata as _, Table, WriteTransaction};

use super::row;
use super::tables::{CHANGES, DELETIONS, GENERATION, HISTORY, META, TOMBSTONES, TOOLS};
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{StoreError, StoreEvent};

/// Changes that are kept for other processes to read. One that is further behind lists again.
const CHANGES_KEPT: u64 = 4096;

/// Deleted names whose history is kept, the newest. Of older ones only the last revision is: without it, a
/// name made again would begin anew.
const DELETED_KEPT: u64 = 1000;

/// A write to be done.
#[derive(Debug)]
pub(super) enum Write {
    /// See [`ToolStore::insert`](crate::ports::ToolStore::insert).
    Insert(Arc<ToolRecord>, usize),
    /// See [`ToolStore::replace`](crate::ports::ToolStore::replace).
    Replace(Arc<ToolRecord>, Revision),
    /// See [`ToolStore::remove`](crate::ports::ToolStore::remove).
    Remove(ToolName, Revision),
}

/// The tables of one write transaction.
pub(super) struct Tables<'txn> {
    tools: Table<'txn, &'static str, (u64, &'static [u8])>,
    history: Table<'txn, (&'static str, u64), &'static [u8]>,
    tombstones: Table<'txn, &'static str, u64>,
    deletions: Table<'txn, u64, (&'static str, u64)>,
    changes: Table<'txn, u64, (&'static str, u64, bool)>,
    meta: Table<'txn, &'static str, u64>,
    /// Revisions to keep of a name, the live one included.
    keep: u64,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction, keep: u64) -> Result<Self, redb::TableError> {
        Ok(Self {
            tools: txn.open_table(TOOLS)?,
            history: txn.open_table(HISTORY)?,
            tombstones: txn.open_table(TOMBSTONES)?,
            deletions: txn.open_table(DELETIONS)?,
            changes: txn.open_table(CHANGES)?,
            meta: txn.open_table(META)?,
            keep,
        })
    }

    /// How many changes were made so far.
    pub(super) fn generation(&self) -> Result<u64, redb::StorageError> {
        Ok(self.meta.get(GENERATION)?.map_or(0, |generation| generation.value()))
    }

    /// Does a write, or says why the store refuses it; then nothing was changed. The outer error is the
    /// database's, after which the transaction must be given up.
    pub(super) fn apply(
        &mut self,
        write: &Write,
    ) -> Result<Result<StoreEvent, StoreError>, redb::StorageError> {
        match write {
            Write::Insert(record, capacity) => self.insert(record, *capacity),
            Write::Replace(record, seen) => self.replace(record, *seen),
            Write::Remove(name, seen) => self.remove(name, *seen),
        }
    }

    fn insert(
        &mut self,
        record: &Arc<ToolRecord>,
        capacity: usize,
    ) -> Result<Result<StoreEvent, StoreError>, redb::StorageError> {
        let name = record.name.as_str();
        if self.tools.get(name)?.is_some() {
            return Ok(Err(StoreError::Exists));
        }
        let last = self.tombstones.get(name)?.and_then(|last| Revision::new(last.value()));
        if record.revision != last.map_or(Revision::FIRST, Revision::next) {
            return Ok(Err(StoreError::Conflict { actual: last }));
        }
        if self.tools.len()? >= capacity as u64 {
            return Ok(Err(StoreError::Full { capacity }));
        }
        if let Err(refused) = self.put(record)? {
            return Ok(Err(refused));
        }
        self.tombstones.remove(name)?;
        self.note(name, record.revision.get(), true)?;
        Ok(Ok(StoreEvent::Put(Arc::clone(record))))
    }

    fn replace(
        &mut self,
        record: &Arc<ToolRecord>,
        seen: Revision,
    ) -> Result<Result<StoreEvent, StoreError>, redb::StorageError> {
        let name = record.name.as_str();
        let old = match self.at(name, seen)? {
            Ok(old) => old,
            Err(refused) => return Ok(Err(refused)),
        };
        if let Err(refused) = self.put(record)? {
            return Ok(Err(refused));
        }
        self.retire(name, seen, &old, record.revision)?;
        self.note(name, record.revision.get(), true)?;
        Ok(Ok(StoreEvent::Put(Arc::clone(record))))
    }

    fn remove(
        &mut self,
        name: &ToolName,
        seen: Revision,
    ) -> Result<Result<StoreEvent, StoreError>, redb::StorageError> {
        let old = match self.at(name.as_str(), seen)? {
            Ok(old) => old,
            Err(refused) => return Ok(Err(refused)),
        };
        self.tools.remove(name.as_str())?;
        self.tombstones.insert(name.as_str(), seen.get())?;
        self.retire(name.as_str(), seen, &old, seen)?;
        self.note(name.as_str(), seen.get(), false)?;
        self.forget_old_deletions(name.as_str(), seen)?;
        Ok(Ok(StoreEvent::Removed(name.clone(), seen)))
    }

    /// The row of a live tool whose revision is `seen`.
    fn at(
        &self,
        name: &str,
        seen: Revision,
    ) -> Result<Result<Vec<u8>, StoreError>, redb::StorageError> {
        let Some(live) = self.tools.get(name)? else {
            return Ok(Err(StoreError::Conflict { actual: None }));
        };
        let (revision, row) = live.value();
        if revision == seen.get() {
            Ok(Ok(row.to_vec()))
        } else {
            Ok(Err(StoreError::Conflict { actual: Revision::new(revision) }))
        }
    }

    fn put(&mut self, record: &ToolRecord) -> Result<Result<(), StoreError>, redb::StorageError> {
        match row::encode(record) {
            Ok(row) => {
                let value = (record.revision.get(), row.as_slice());
                self.tools.insert(record.name.as_str(), value)?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(StoreError::Corrupt {
                reason: "the record can't be written".to_owned(),
                source: Some(Box::new(error)),
            })),
        }
    }

    /// Moves what was live into the history and forgets what is too old beside the newest revision.
    fn retire(
        &mut self,
        name: &str,
        revision: Revision,
        row: &[u8],
        newest: Revision,
    ) -> Result<(), redb::StorageError> {
        let too_old = newest.get().saturating_sub(self.keep);
        if revision.get() > too_old {
            self.history.insert((name, revision.get()), row)?;
        }
        self.history.retain_in((name, 0)..=(name, too_old), |_, _| false)
    }

    /// Keeps the history of the newest deletions, to which this one is added, and drops that of others.
    fn forget_old_deletions(
        &mut self,
        name: &str,
        revision: Revision,
    ) -> Result<(), redb::StorageError> {
        self.deletions.insert(self.generation()?, (name, revision.get()))?;
        while self.deletions.len()? > DELETED_KEPT {
            let Some((_, oldest)) = self.deletions.pop_first()? else { break };
            let (name, revision) = oldest.value();
            // A name that was made again has no tombstone; one deleted again has a later one.
            if self.tombstones.get(name)?.is_some_and(|last| last.value() == revision) {
                self.history.retain_in((name, 0)..=(name, revision), |_, _| false)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, name: &str, revision: u64, live: bool) -> Result<(), redb::StorageError> {
        let generation = self.generation()? + 1;
        self.meta.insert(GENERATION, generation)?;
        self.changes.insert(generation, (name, revision, live))?;
        if let Some(surplus) = generation.checked_sub(CHANGES_KEPT) {
            self.changes.remove(surplus)?;
        }
        Ok(())
    }
}
