//! The thread that reads, and that follows what other processes write.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase as _};
use tokio::time::Instant;

use super::super::feed::Feed;
use super::handle::Handle;
use super::read;
use super::turn::Turn;
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{Listing, StoreError, StoreEvent};

/// Longest time until a change by another process is seen.
const POLL: Duration = Duration::from_millis(250);

/// What the thread is asked or told.
#[derive(Debug)]
pub(super) enum Read {
    List(Turn<Listing>),
    Get(ToolName, Turn<Option<Arc<ToolRecord>>>),
    LastRevision(ToolName, Turn<Option<Revision>>),
    History(ToolName, usize, Turn<Vec<Arc<ToolRecord>>>),
    Health(Turn<()>),
    /// This process wrote: the generation before, and an event for each one after.
    Wrote {
        before: u64,
        events: Vec<StoreEvent>,
    },
    /// End.
    Stop,
}

/// The thread's state.
pub(super) struct Reader {
    handle: Arc<Handle>,
    inbox: Receiver<Read>,
    feed: Feed<StoreEvent>,
    /// The generation up to which everything is published.
    seen: u64,
    /// The database in which `seen` holds.
    followed: Option<Arc<Database>>,
}

impl Reader {
    /// Follows what is written from now on.
    pub(super) fn new(handle: Arc<Handle>, inbox: Receiver<Read>, feed: Feed<StoreEvent>) -> Self {
        let mut reader = Self { handle, inbox, feed, seen: 0, followed: None };
        reader.poll();
        reader
    }

    /// Serves until it is told to stop.
    pub(super) fn serve(mut self) {
        let mut poll_at = Instant::now() + POLL;
        loop {
            let left = poll_at.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(left) {
                Ok(Read::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(request) => self.answer(request),
                Err(RecvTimeoutError::Timeout) => {
                    self.poll();
                    poll_at = Instant::now() + POLL;
                }
            }
        }
    }

    fn answer(&mut self, request: Read) {
        match request {
            Read::List(turn) => self.read(turn, |txn| Ok(Ok(read::list(txn)?))),
            Read::Get(name, turn) => {
                self.read(turn, |txn| Ok(read::get(txn, &name)?.transpose()));
            }
            Read::LastRevision(name, turn) => {
                self.read(turn, |txn| Ok(Ok(read::last_revision(txn, &name)?)));
            }
            Read::History(name, limit, turn) => {
                self.read(turn, |txn| read::history(txn, &name, limit));
            }
            Read::Health(turn) => self.read(turn, |txn| Ok(Ok(read::generation(txn).map(drop)?))),
            Read::Wrote { before, events } => self.wrote(before, events),
            Read::Stop => {}
        }
    }

    fn read<T>(
        &self,
        turn: Turn<T>,
        work: impl FnOnce(&ReadTransaction) -> Result<Result<T, StoreError>, redb::Error>,
    ) {
        if turn.take() {
            let result = self.handle.run(|database| work(&database.begin_read()?));
            turn.answer(result.flatten());
        }
    }

    fn wrote(&mut self, before: u64, events: Vec<StoreEvent>) {
        let after = before + events.len() as u64;
        if before == self.seen && self.followed.is_some() {
            for event in events {
                self.feed.publish(event);
            }
            self.seen = after;
        } else if after > self.seen {
            self.poll();
        }
    }

    /// Publishes what was changed since the last time. A failure is logged where it happens, and what was
    /// missed is found next time.
    fn poll(&mut self) {
        let found = self.handle.run(|database| {
            let txn = database.begin_read()?;
            let generation = read::generation(&txn)?;
            let same = self.followed.as_ref().is_some_and(|last| Arc::ptr_eq(last, database));
            let events = match (same, generation == self.seen) {
                (true, true) => Vec::new(),
                (true, false) => read::changes(&txn, self.seen)?,
                // The very first look: nobody can have missed anything.
                (false, _) if self.followed.is_none() => Vec::new(),
                (false, _) => vec![StoreEvent::Resync],
            };
            Ok((Arc::clone(database), generation, events))
        });
        if let Ok((database, generation, events)) = found {
            for event in events {
                self.feed.publish(event);
            }
            self.seen = generation;
            self.followed = Some(database);
        }
    }
}
