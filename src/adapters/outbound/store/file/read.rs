//! What a read does inside a transaction, and how records are checked on the way out.

use std::sync::Arc;
use std::thread;

use redb::{ReadTransaction, ReadableTable as _};

use super::row;
use super::tables::{CHANGES, GENERATION, HISTORY, META, TOMBSTONES, TOOLS};
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{Listing, StoreError, StoreEvent};

/// Bytes of rows that are read before they are decoded, by all cores at once: bounds the memory that a
/// long list needs beside the records themselves.
const BATCH_BYTES: usize = 4 << 20;

/// A row as it lies in the table.
struct Raw {
    name: String,
    revision: u64,
    row: Vec<u8>,
}

/// Every live tool.
pub(super) fn list(txn: &ReadTransaction) -> Result<Listing, redb::Error> {
    let mut listing = Listing::default();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for entry in txn.open_table(TOOLS)?.iter()? {
        let (name, value) = entry?;
        let (revision, row) = value.value();
        bytes += row.len();
        batch.push(Raw { name: name.value().to_owned(), revision, row: row.to_vec() });
        if bytes >= BATCH_BYTES {
            decode(&std::mem::take(&mut batch), &mut listing);
            bytes = 0;
        }
    }
    decode(&batch, &mut listing);
    Ok(listing)
}

/// Decodes and verifies rows on all cores, in their order.
fn decode(rows: &[Raw], listing: &mut Listing) {
    /// Fewer are decoded sooner than a thread starts.
    const WORTH_A_THREAD: usize = 64;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(cores).max(WORTH_A_THREAD);
    let mut parts = rows.chunks(share);
    let first = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> =
            parts.map(|part| scope.spawn(|| part.iter().map(decode_one).collect())).collect();
        let first: Vec<_> = first.iter().map(decode_one).collect();
        let decoded = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        for result in std::iter::once(first).chain(decoded).flatten() {
            match result {
                Ok(record) => listing.tools.push(record),
                Err(corrupt) => listing.corrupt.push(corrupt),
            }
        }
    });
}

fn decode_one(raw: &Raw) -> Result<Arc<ToolRecord>, (String, String)> {
    match row::decode(&raw.name, raw.revision, &raw.row) {
        Ok(record) => Ok(Arc::new(record)),
        Err(error) => Err((raw.name.clone(), error.to_string())),
    }
}

/// A record, or why it can't be served.
type Checked = Result<Arc<ToolRecord>, StoreError>;

fn checked(name: &str, revision: u64, json: &[u8]) -> Checked {
    row::decode(name, revision, json).map(Arc::new).map_err(|error| StoreError::Corrupt {
        reason: format!("'{name}' at revision {revision}: {error}"),
        source: Some(Box::new(error)),
    })
}

/// One live tool.
pub(super) fn get(txn: &ReadTransaction, name: &ToolName) -> Result<Option<Checked>, redb::Error> {
    let live = txn.open_table(TOOLS)?.get(name.as_str())?;
    Ok(live.map(|live| {
        let (revision, row) = live.value();
        checked(name.as_str(), revision, row)
    }))
}

/// The newest revision of a name, live or deleted.
pub(super) fn last_revision(
    txn: &ReadTransaction,
    name: &ToolName,
) -> Result<Option<Revision>, redb::Error> {
    let live = txn.open_table(TOOLS)?.get(name.as_str())?.map(|live| live.value().0);
    let last = match live {
        Some(revision) => Some(revision),
        None => txn.open_table(TOMBSTONES)?.get(name.as_str())?.map(|last| last.value()),
    };
    Ok(last.and_then(Revision::new))
}

/// The revisions of a name, newest first.
pub(super) fn history(
    txn: &ReadTransaction,
    name: &ToolName,
    limit: usize,
) -> Result<Result<Vec<Arc<ToolRecord>>, StoreError>, redb::Error> {
    let live = get(txn, name)?;
    let history = txn.open_table(HISTORY)?;
    let past = history.range((name.as_str(), 0)..=(name.as_str(), u64::MAX))?;
    let mut records: Vec<Checked> = live.into_iter().take(limit).collect();
    for entry in past.rev().take(limit - records.len()) {
        let (key, row) = entry?;
        records.push(checked(name.as_str(), key.value().1, row.value()));
    }
    Ok(records.into_iter().collect())
}

/// How many changes were made so far.
pub(super) fn generation(txn: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(txn.open_table(META)?.get(GENERATION)?.map_or(0, |generation| generation.value()))
}

/// What was changed after generation `seen`, in order.
pub(super) fn changes(txn: &ReadTransaction, seen: u64) -> Result<Vec<StoreEvent>, redb::Error> {
    let changes = txn.open_table(CHANGES)?;
    let mut events = Vec::new();
    for (next, entry) in (seen + 1..).zip(changes.range(seen + 1..)?) {
        let (generation, change) = entry?;
        if generation.value() != next {
            return Ok(vec![StoreEvent::Resync]);
        }
        let (name, revision, live) = change.value();
        events.extend(event(txn, name, revision, live)?);
    }
    Ok(events)
}

/// A change as an event: none where the revision is no longer kept, because a later change follows.
fn event(
    txn: &ReadTransaction,
    name: &str,
    revision: u64,
    live: bool,
) -> Result<Option<StoreEvent>, redb::Error> {
    let (Ok(tool), Some(number)) = (ToolName::parse_external(name), Revision::new(revision)) else {
        return Ok(Some(StoreEvent::Resync));
    };
    if !live {
        return Ok(Some(StoreEvent::Removed(tool, number)));
    }
    let record = match txn.open_table(TOOLS)?.get(name)? {
        Some(live) if live.value().0 == revision => Some(checked(name, revision, live.value().1)),
        _ => {
            let past = txn.open_table(HISTORY)?.get((name, revision))?;
            past.map(|past| checked(name, revision, past.value()))
        }
    };
    // A record that can't be served is named by the list.
    Ok(record.map(|record| record.map_or(StoreEvent::Resync, StoreEvent::Put)))
}
