//! Attachments of other MCP servers, in a table of their own in the store's file.
//!
//! They are few and rarely written, so that one thread does everything: what is asked, and the look for what
//! other processes changed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, TableDefinition, TableError, TransactionError, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::super::change_signal::ChangeSignal;
use super::error::{OpenError, closed};
use super::handle::Handle;
use super::open::Location;
use super::spawn;
use super::tables::META;
use super::turn::{Turn, turn};
use crate::domain::upstream::{Alias, Attachment};
use crate::ports::{AttachmentStore, BoxStream, StoreError};

/// Alias to row. Made by the first write, since most stores never need it.
const ATTACHMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("attachments");
/// In [`META`]: how many changes were made to them.
const GENERATION: &str = "attachments";
/// Longest time until a change by another process is seen.
const POLL: Duration = Duration::from_millis(250);
/// Time between attempts to begin while another process writes.
const RETRY: Duration = Duration::from_millis(1);
/// The form of a row that is written.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Row {
    form: u32,
    #[serde(flatten)]
    attachment: Attachment,
}

type Job = Box<dyn FnOnce(&Handle) + Send>;

enum Command {
    Run(Job),
    /// End, after what was asked before.
    Stop,
}

/// Keeps attachments in the store's file. Dropping it, or cancelling the token it was opened with, closes it.
pub struct FileAttachments {
    thread: Sender<Command>,
    signal: ChangeSignal,
    _closes: DropGuard,
}

impl FileAttachments {
    /// Opens the file of the store that was opened at the same path, or makes it.
    pub async fn open(
        path: &Path,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<Self, OpenError> {
        let location = Location::of(path);
        let file = location.file.clone();
        let (ask, asked) = channel();
        let (opened, opening) = oneshot::channel();
        let signal = ChangeSignal::default();
        let notified = signal.clone();
        spawn("attachments", &file, move || {
            match location.open_or_create(&Arc::new(AtomicBool::new(false))) {
                Ok(database) => {
                    if opened.send(Ok(())).is_ok() {
                        serve(&Handle::new(location, database), &asked, &notified);
                    }
                }
                // Whoever opens it may have given up.
                Err(error) => drop(opened.send(Err(error))),
            }
        })?;
        opening.await.unwrap_or(Err(OpenError::Busy(file)))?;
        let closes = shutdown.child_token();
        let (closing, stop) = (closes.clone(), ask.clone());
        tracker.spawn(async move {
            closing.cancelled().await;
            // The thread may have ended already.
            stop.send(Command::Stop).ok();
        });
        Ok(Self { thread: ask, signal, _closes: closes.drop_guard() })
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Handle, &Turn<T>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (turn, waiting) = turn();
        let job: Job = Box::new(move |handle| {
            let result = work(handle, &turn);
            turn.answer(result);
        });
        self.thread.send(Command::Run(job)).map_err(|_| closed())?;
        waiting.answer().await
    }

    /// Does `change` in a transaction; it says whether it changed anything.
    async fn write<T: Send + 'static>(
        &self,
        change: impl Fn(&WriteTransaction) -> Result<Result<(T, bool), StoreError>, redb::Error>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let signal = self.signal.clone();
        self.ask(move |handle, turn: &Turn<T>| {
            let outcome = handle.run(|database| {
                let Some(txn) = begin(database, turn)? else { return Ok(Err(closed())) };
                let outcome = change(&txn)?;
                if let Ok((_, true)) = &outcome {
                    let mut meta = txn.open_table(META)?;
                    let generation = meta.get(GENERATION)?.map_or(0, |seen| seen.value());
                    meta.insert(GENERATION, generation + 1)?;
                    drop(meta);
                    txn.commit()?;
                } else {
                    txn.abort()?;
                }
                Ok(outcome)
            });
            let (value, changed) = outcome.flatten()?;
            if changed {
                signal.notify();
            }
            Ok(value)
        })
        .await
    }
}

#[async_trait]
impl AttachmentStore for FileAttachments {
    async fn list(&self) -> Result<Vec<Attachment>, StoreError> {
        self.ask(|handle, turn: &Turn<Vec<Attachment>>| {
            if !turn.take() {
                return Err(closed());
            }
            handle.run(|database| list(&database.begin_read()?))
        })
        .await
    }

    async fn insert(
        &self,
        attachment: &Attachment,
        capacity: usize,
        replacing: Option<&str>,
    ) -> Result<(), StoreError> {
        let alias = attachment.alias.clone();
        let row = Row { form: FORM, attachment: attachment.clone() };
        let row = serde_json::to_vec(&row).map_err(|error| StoreError::Corrupt {
            reason: "the attachment can't be written".to_owned(),
            source: Some(error.into()),
        })?;
        let replacing = replacing.map(str::to_owned);
        self.write(move |txn| {
            let mut table = txn.open_table(ATTACHMENTS)?;
            let there = table.get(alias.as_str())?.map(|row| decode(alias.as_str(), row.value()));
            match (&there, &replacing) {
                (Some(Some(there)), Some(id)) if there.id == *id => {}
                (Some(_), _) => return Ok(Err(StoreError::Exists)),
                (None, Some(_)) => return Ok(Err(StoreError::Conflict { actual: None })),
                (None, None) if table.len()? >= capacity as u64 => {
                    return Ok(Err(StoreError::Full { capacity }));
                }
                (None, None) => {}
            }
            table.insert(alias.as_str(), row.as_slice())?;
            Ok(Ok(((), true)))
        })
        .await
    }

    async fn remove(&self, alias: &Alias) -> Result<bool, StoreError> {
        let alias = alias.clone();
        self.write(move |txn| {
            let mut table = txn.open_table(ATTACHMENTS)?;
            let removed = table.remove(alias.as_str())?.is_some();
            Ok(Ok((removed, removed)))
        })
        .await
    }

    fn watch(&self) -> BoxStream<()> {
        self.signal.follow()
    }
}

fn serve(handle: &Handle, asked: &Receiver<Command>, signal: &ChangeSignal) {
    let mut seen = generation(handle).unwrap_or_default();
    let mut poll_at = Instant::now() + POLL;
    loop {
        match asked.recv_timeout(poll_at.saturating_duration_since(Instant::now())) {
            Ok(Command::Run(job)) => job(handle),
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                // A failure is logged where it happens, and what was missed is found next time.
                if let Ok(now) = generation(handle)
                    && now != std::mem::replace(&mut seen, now)
                {
                    signal.notify();
                }
                poll_at = Instant::now() + POLL;
            }
        }
    }
}

/// Begins a transaction once no other process is in one; `None` when whoever asked has given up.
fn begin<T>(database: &Database, turn: &Turn<T>) -> Result<Option<WriteTransaction>, redb::Error> {
    while !turn.is_given_up() {
        match database.try_begin_write() {
            Err(TransactionError::WouldBlock) => thread::park_timeout(RETRY),
            begun => return if turn.take() { Ok(Some(begun?)) } else { Ok(None) },
        }
    }
    Ok(None)
}

fn generation(handle: &Handle) -> Result<u64, StoreError> {
    handle.run(|database| {
        let meta = database.begin_read()?.open_table(META)?;
        Ok(meta.get(GENERATION)?.map_or(0, |seen| seen.value()))
    })
}

fn list(txn: &ReadTransaction) -> Result<Vec<Attachment>, redb::Error> {
    let table = match txn.open_table(ATTACHMENTS) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut attachments = Vec::new();
    for entry in table.iter()? {
        let (alias, row) = entry?;
        attachments.extend(decode(alias.value(), row.value()));
    }
    Ok(attachments)
}

/// A row's attachment. The reason why one can't be read is not shown: it may quote a secret.
fn decode(alias: &str, row: &[u8]) -> Option<Attachment> {
    match serde_json::from_slice::<Row>(row) {
        Ok(row) if row.form <= FORM && row.attachment.alias.as_str() == alias => {
            Some(row.attachment)
        }
        _ => {
            tracing::error!(alias, "a stored attachment can't be read, and is left alone");
            None
        }
    }
}
