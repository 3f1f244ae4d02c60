//! The store in PostgreSQL: shared by a fleet, and with the Node project whose table it uses.
//!
//! The database's own triggers keep the history and announce every change in the transaction that makes it,
//! whoever makes it. A process has one writer, which makes one transaction of the writes that wait, and one
//! listener, which hears of others' changes and knows whether the database is there.

mod announcement;
mod attachments;
mod connect;
mod error;
mod hear;
mod listen;
mod mailbox;
mod migrate;
mod order;
mod read;
mod row;
mod sessions;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use announcement::Origin;
pub use attachments::PgAttachments;
pub use connect::{SchemaName, SettingsError};
use listen::{ListenTask, Online};
pub use mailbox::PgMailbox;
use order::OrderedFeed;
use read::PgReader;
pub use sessions::PgSessionStore;
use write::{Writer, WriterTask, writer};

use super::feed::Feed;
use crate::domain::tool::{EngineKind, Revision, ToolName, ToolRecord};
use crate::ports::{BoxStream, Listing, Metrics, SessionEvent, StoreError, StoreEvent, ToolStore};

/// How a database is used.
#[derive(Clone)]
pub struct PgOptions {
    /// The schema that holds the tables; made where it is missing.
    pub schema: SchemaName,
    /// Revisions kept of each tool, the live one included; at least 1.
    pub history: u32,
    /// The engine of tools without dependencies that another program wrote.
    pub default_engine: EngineKind,
    /// Tells this process's announcements from others'.
    pub instance: String,
    /// Is told whether the database answers.
    pub metrics: Arc<dyn Metrics>,
}

/// Tools in PostgreSQL.
pub struct PgToolStore {
    reader: PgReader,
    writer: Writer,
    feed: Arc<OrderedFeed>,
    online: Online,
    sessions: PgSessionStore,
    mailbox: PgMailbox,
}

impl PgToolStore {
    /// Begins to connect, in the background: until the database answers, everything is
    /// [`StoreError::Unavailable`]; when it does, and after every loss of the connection,
    /// [`StoreEvent::Resync`] is told. Background tasks run on `tasks` until `stop`.
    pub fn open(
        url: &str,
        options: PgOptions,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, SettingsError> {
        let connect = connect::options(url)?;
        let pool = connect::pool(connect.clone());
        let schema = options.schema.as_str().to_owned();
        let (feed, online) = (Arc::new(OrderedFeed::new()), Online::new(options.metrics));
        let reader = PgReader {
            pool: pool.clone(),
            schema: schema.clone(),
            default_engine: options.default_engine,
        };
        let origin = Origin { schema: schema.clone(), instance: options.instance.clone() };
        let sessions = PgSessionStore {
            pool: pool.clone(),
            origin: origin.clone(),
            feed: Feed::new(SessionEvent::Resync),
            online: online.clone(),
        };
        let mailbox = PgMailbox {
            pool: pool.clone(),
            origin: origin.clone(),
            feed: Feed::new(String::new()),
            online: online.clone(),
        };
        let (writer, writing) = writer(WriterTask {
            pool,
            schema,
            instance: options.instance,
            history: i32::try_from(options.history.max(1)).unwrap_or(i32::MAX),
            feed: Arc::clone(&feed),
        });
        let listening = ListenTask {
            options: connect,
            origin,
            reader: reader.clone(),
            feed: Arc::clone(&feed),
            sessions: sessions.feed.clone(),
            mailbox: mailbox.feed.clone(),
            online: online.clone(),
        };
        tasks.spawn(listening.run(stop.clone()));
        let stop = stop.clone();
        tasks.spawn(async move { stop.run_until_cancelled(writing).await });
        Ok(Self { reader, writer, feed, online, sessions, mailbox })
    }

    /// The sessions beside the tools, over the same connections.
    pub fn sessions(&self) -> PgSessionStore {
        self.sessions.clone()
    }

    /// The mailbox of those who have the store open, over the same connections.
    pub fn mailbox(&self) -> PgMailbox {
        self.mailbox.clone()
    }

    fn online(&self) -> Result<(), StoreError> {
        self.online.check()
    }
}

#[async_trait]
impl ToolStore for PgToolStore {
    async fn list(&self) -> Result<Listing, StoreError> {
        self.online()?;
        self.reader.list().await
    }

    async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError> {
        self.online()?;
        self.reader.get(name).await
    }

    async fn last_revision(&self, name: &ToolName) -> Result<Option<Revision>, StoreError> {
        self.online()?;
        self.reader.last_revision(name).await
    }

    async fn insert(&self, record: Arc<ToolRecord>, capacity: usize) -> Result<(), StoreError> {
        self.online()?;
        self.writer.insert(record, capacity).await
    }

    async fn replace(&self, record: Arc<ToolRecord>, seen: Revision) -> Result<(), StoreError> {
        self.online()?;
        self.writer.replace(record, seen).await
    }

    async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError> {
        self.online()?;
        self.writer.remove(name, seen).await
    }

    async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError> {
        self.online()?;
        self.reader.history(name, limit).await
    }

    fn watch(&self) -> BoxStream<StoreEvent> {
        self.feed.subscribe()
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.online()?;
        self.reader.ping().await
    }
}
