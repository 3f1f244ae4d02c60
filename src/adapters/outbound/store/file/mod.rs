//! The store in one file, which several servers may use at once.
//!
//! A redb database: every transaction is flushed to the disk before it is answered, so that a crash at any
//! moment leaves the last one that was. Two threads of its own do all the work, because any access may have to
//! wait for another process: one writes and gathers concurrent writes into one transaction, one reads and
//! publishes what other processes changed.

mod attachments;
mod create;
mod error;
mod handle;
mod import;
mod open;
mod read;
mod reader;
mod row;
mod tables;
mod turn;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use attachments::FileAttachments;
pub use error::OpenError;

use self::error::closed;
use self::handle::Handle;
use self::open::Location;
use self::reader::{Read, Reader};
use self::turn::{BEGIN_WITHIN, Turn, turn};
use self::write::Write;
use self::writer::{Request, ToWriter, Writer};
use super::feed::Feed;
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{BoxStream, Listing, StoreError, StoreEvent, ToolStore};

/// How a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// How many revisions of a name are kept, the live one included: 1 to 1,000 (`MCP_DYNAMIC_HISTORY`).
    pub history: usize,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { history: 50 }
    }
}

/// Keeps tools in a file. Dropping it, or cancelling the token it was opened with, closes it.
#[derive(Debug)]
pub struct FileStore {
    writer: Sender<ToWriter>,
    reader: Sender<Read>,
    feed: Feed<StoreEvent>,
    _closes: DropGuard,
}

impl FileStore {
    /// Opens the store at `path`, or makes it, with folders. A path that ends in `.json` names a store of
    /// the Node project: it is imported, once, into the file of the same name that ends in `.redb`.
    ///
    /// The store is closed when `shutdown` is cancelled, once what was asked before is done; `tracker` then
    /// waits for that.
    pub async fn open(
        path: &Path,
        options: FileOptions,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<Self, OpenError> {
        let location = Location::of(path);
        let file = location.file.clone();
        let feed = Feed::new(StoreEvent::Resync);
        let (to_writer, writer_inbox) = channel();
        let (to_reader, reader_inbox) = channel();
        let (opened, mut opening) = oneshot::channel();
        let (alive, ended) = mpsc::channel(1);
        let waiting = Arc::new(AtomicBool::new(false));

        let (feed_in, reader, is_waiting) = (feed.clone(), to_reader.clone(), Arc::clone(&waiting));
        let keep = options.history.max(1) as u64;
        spawn("store-reader", &file, move || {
            let _alive = alive.clone();
            let handle = match location.open_or_create(&is_waiting) {
                Ok(database) => Arc::new(Handle::new(location, database)),
                Err(error) => return drop(opened.send(Err(error))),
            };
            let writer = Writer::new(Arc::clone(&handle), writer_inbox, reader, keep);
            let reader = Reader::new(Arc::clone(&handle), reader_inbox, feed_in);
            let started = spawn("store-writer", handle.file(), {
                move || {
                    let _alive = alive;
                    writer.serve();
                }
            });
            if opened.send(started).is_ok() {
                reader.serve();
            }
        })?;

        loop {
            match timeout(BEGIN_WITHIN, &mut opening).await {
                Ok(Ok(result)) => break result?,
                // A repair or an import takes its time; a stopped process takes all of it.
                Err(_) if !waiting.load(Ordering::Acquire) => {}
                _ => return Err(OpenError::Busy(file)),
            }
        }
        let closes = shutdown.child_token();
        tracker.spawn(close(closes.clone(), to_writer.clone(), ended));
        Ok(Self { writer: to_writer, reader: to_reader, feed, _closes: closes.drop_guard() })
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        let (turn, waiting) = turn();
        let request = ToWriter::Write(Request { write, turn });
        self.writer.send(request).map_err(|_| closed())?;
        waiting.answer().await
    }

    async fn read<T>(&self, ask: impl FnOnce(Turn<T>) -> Read + Send) -> Result<T, StoreError> {
        let (turn, waiting) = turn();
        self.reader.send(ask(turn)).map_err(|_| closed())?;
        waiting.answer().await
    }
}

#[async_trait]
impl ToolStore for FileStore {
    async fn list(&self) -> Result<Listing, StoreError> {
        self.read(Read::List).await
    }

    async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError> {
        self.read(|turn| Read::Get(name.clone(), turn)).await
    }

    async fn last_revision(&self, name: &ToolName) -> Result<Option<Revision>, StoreError> {
        self.read(|turn| Read::LastRevision(name.clone(), turn)).await
    }

    async fn insert(&self, record: Arc<ToolRecord>, capacity: usize) -> Result<(), StoreError> {
        self.write(Write::Insert(record, capacity)).await
    }

    async fn replace(&self, record: Arc<ToolRecord>, seen: Revision) -> Result<(), StoreError> {
        self.write(Write::Replace(record, seen)).await
    }

    async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError> {
        self.write(Write::Remove(name.clone(), seen)).await
    }

    async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError> {
        self.read(|turn| Read::History(name.clone(), limit, turn)).await
    }

    fn watch(&self) -> BoxStream<StoreEvent> {
        self.feed.subscribe()
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.read(Read::Health).await
    }
}

/// A thread of its own rather than one of the runtime's: a stopped process may hold it up, and that must not
/// hold up the end of the runtime.
fn spawn(name: &str, file: &Path, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| OpenError::io("start a thread for", file, error))
}

/// Ends the threads when the store is closed, and waits for them, but not for ever.
async fn close(closes: CancellationToken, writer: Sender<ToWriter>, mut alive: mpsc::Receiver<()>) {
    closes.cancelled().await;
    // The writer may have ended already.
    writer.send(ToWriter::Stop).ok();
    if timeout(BEGIN_WITHIN, alive.recv()).await.is_err() {
        tracing::warn!("the store was not closed in time");
    }
}
