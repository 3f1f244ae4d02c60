//! The thread that writes: it gathers the writes that wait into one transaction, so that they share its
//! flush to the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use redb::{Database, TransactionError, WriteTransaction};
use tokio::time::Instant;

use super::error::unavailable;
use super::handle::Handle;
use super::reader::Read;
use super::turn::Turn;
use super::write::{Tables, Write};
use crate::ports::{StoreError, StoreEvent};

/// Most writes of one transaction.
const MAX_BATCH: usize = 256;

/// How long a transaction waits for as many writers as the last one had: they were answered together, so
/// they are likely to come again together.
const GATHER: Duration = Duration::from_micros(500);

/// Time between attempts to begin while another process writes.
const RETRY: Duration = Duration::from_micros(500);

/// How long this process stands back after a transaction while another one writes too: without it the
/// one that just wrote would nearly always be the next.
const YIELD: Duration = Duration::from_millis(2);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum ToWriter {
    /// Do this.
    Write(Request),
    /// End, after what was asked before.
    Stop,
}

/// A write and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) write: Write,
    pub(super) turn: Turn<()>,
}

/// The thread's state.
pub(super) struct Writer {
    handle: Arc<Handle>,
    inbox: Receiver<ToWriter>,
    reader: Sender<Read>,
    keep: u64,
    /// How many writes the last transaction had.
    last_batch: usize,
    /// The generation after this process's last write.
    generation: Option<u64>,
    stopping: bool,
}

impl Writer {
    pub(super) fn new(
        handle: Arc<Handle>,
        inbox: Receiver<ToWriter>,
        reader: Sender<Read>,
        keep: u64,
    ) -> Self {
        Self { handle, inbox, reader, keep, last_batch: 0, generation: None, stopping: false }
    }

    /// Serves until it is told to stop, or nobody can ask any more.
    pub(super) fn serve(mut self) {
        while let Some(batch) = self.gather() {
            self.write(batch);
        }
        // The reader may have ended already.
        self.reader.send(Read::Stop).ok();
    }

    /// The writes of the next transaction; `None` at the end.
    fn gather(&mut self) -> Option<Vec<Request>> {
        let mut batch = Vec::new();
        if !self.stopping {
            match self.inbox.recv() {
                Ok(message) => self.accept(message, &mut batch),
                Err(_) => return None,
            }
        }
        let until = Instant::now() + GATHER;
        while batch.len() < MAX_BATCH {
            match self.inbox.try_recv() {
                Ok(message) => self.accept(message, &mut batch),
                Err(_) if self.stopping || batch.len() >= self.last_batch => break,
                Err(_) => {
                    let left = until.saturating_duration_since(Instant::now());
                    match self.inbox.recv_timeout(left) {
                        Ok(message) => self.accept(message, &mut batch),
                        Err(_) => break,
                    }
                }
            }
        }
        (!self.stopping || !batch.is_empty()).then_some(batch)
    }

    fn accept(&mut self, message: ToWriter, batch: &mut Vec<Request>) {
        match message {
            ToWriter::Write(request) => batch.push(request),
            ToWriter::Stop => self.stopping = true,
        }
    }

    /// Does a batch in one transaction and answers everybody in it.
    fn write(&mut self, mut batch: Vec<Request>) {
        let mut outcomes = Vec::new();
        let handle = Arc::clone(&self.handle);
        let done = handle.run(|database| {
            let Some(txn) = self.begin(database, &mut batch)? else { return Ok(None) };
            batch.retain(|request| request.turn.take());
            let (before, after) = apply(&txn, &batch, self.keep, &mut outcomes)?;
            if before == after {
                txn.abort()?;
            } else {
                txn.commit()?;
            }
            Ok(Some((before, after)))
        });
        self.last_batch = batch.len();
        match done {
            Ok(None) => {}
            Ok(Some((before, after))) => {
                let shared = self.generation.replace(after).is_some_and(|last| last != before);
                self.answer(batch, outcomes, before);
                if shared {
                    thread::park_timeout(YIELD);
                }
            }
            // Even those that were refused: they may have been refused for one that now failed too.
            Err(error) => fail(batch, &error),
        }
    }

    /// Begins a transaction once no other process is in one. Meanwhile further writes join the batch, and
    /// those that were given up leave it; `None` when none is left.
    fn begin(
        &mut self,
        database: &Database,
        batch: &mut Vec<Request>,
    ) -> Result<Option<WriteTransaction>, redb::Error> {
        loop {
            batch.retain(|request| !request.turn.is_given_up());
            if batch.is_empty() {
                return Ok(None);
            }
            match database.try_begin_write() {
                Err(TransactionError::WouldBlock) => {}
                begun => return Ok(Some(begun?)),
            }
            if batch.len() >= MAX_BATCH {
                thread::park_timeout(RETRY);
                continue;
            }
            match self.inbox.recv_timeout(RETRY) {
                Ok(message) => self.accept(message, batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::park_timeout(RETRY),
            }
        }
    }

    fn answer(
        &self,
        batch: Vec<Request>,
        outcomes: Vec<Result<StoreEvent, StoreError>>,
        before: u64,
    ) {
        let mut events = Vec::new();
        for (request, outcome) in batch.into_iter().zip(outcomes) {
            request.turn.answer(outcome.map(|event| events.push(event)));
        }
        // The reader may have ended already.
        self.reader.send(Read::Wrote { before, events }).ok();
    }
}

/// Applies each write in order. Returns the generations before and after.
fn apply(
    txn: &WriteTransaction,
    batch: &[Request],
    keep: u64,
    outcomes: &mut Vec<Result<StoreEvent, StoreError>>,
) -> Result<(u64, u64), redb::Error> {
    let mut tables = Tables::open(txn, keep)?;
    let before = tables.generation()?;
    for request in batch {
        outcomes.push(tables.apply(&request.write)?);
    }
    Ok((before, tables.generation()?))
}

fn fail(batch: Vec<Request>, error: &StoreError) {
    for request in batch {
        request.turn.answer(Err(match error {
            StoreError::Corrupt { reason, .. } => {
                StoreError::Corrupt { reason: reason.clone(), source: None }
            }
            StoreError::Unavailable { reason, .. } => unavailable(reason),
            // The database refuses no single write.
            other => unavailable(&other.to_string()),
        }));
    }
}
