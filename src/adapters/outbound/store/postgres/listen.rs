//! Keeps the connection that hears of others' changes, and with it the knowledge whether the database is
//! there at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions};
use tokio_util::sync::CancellationToken;

use super::PgReader;
use super::announcement::Origin;
use super::hear::{self, ANSWER};
use super::migrate::{MAILBOX, SESSIONS, TOOLS, migrate};
use super::order::OrderedFeed;
use super::{mailbox, sessions};
use crate::adapters::outbound::store::feed::Feed;
use crate::domain::tool::ToolName;
use crate::ports::{Metrics, SessionEvent, StoreError, StoreEvent};

/// The Node project's channel too.
const CHANNEL: &str = "dynamic_mcp_registry_changes";
/// Waits between attempts to connect: doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(3);

/// Whether the database answers, as the listening connection sees it.
#[derive(Clone)]
pub(super) struct Online {
    answers: Arc<AtomicBool>,
    metrics: Arc<dyn Metrics>,
}

impl Online {
    /// Not yet.
    pub(super) fn new(metrics: Arc<dyn Metrics>) -> Self {
        metrics.store_available(false);
        Self { answers: Arc::default(), metrics }
    }

    pub(super) fn get(&self) -> bool {
        self.answers.load(Ordering::Acquire)
    }

    /// Refuses at once while the database is away, rather than after a time-out.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.get() {
            return Ok(());
        }
        let reason = "the database is away; reads and calls go on, writes don't".to_owned();
        Err(StoreError::Unavailable { reason, source: None })
    }

    fn set(&self, online: bool) {
        if self.answers.swap(online, Ordering::AcqRel) != online {
            tracing::info!(online, "the database's availability changed");
            self.metrics.store_available(online);
        }
    }
}

pub(super) struct ListenTask {
    pub(super) options: PgConnectOptions,
    pub(super) origin: Origin,
    pub(super) reader: PgReader,
    pub(super) feed: Arc<OrderedFeed>,
    pub(super) sessions: Feed<SessionEvent>,
    pub(super) mailbox: Feed<String>,
    pub(super) online: Online,
}

/// The announcement's payload; keys as the Node project writes them.
#[derive(Deserialize)]
struct Announcement {
    schema: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default, rename = "instanceId")]
    instance: Option<String>,
}

/// What announcements that came together tell of.
#[derive(Default)]
struct News {
    changed: BTreeSet<ToolName>,
    /// Somebody changed what can't be told by a name.
    unnamed: bool,
}

impl ListenTask {
    /// Listens until `stop`; after every loss of the connection it is made again, and then everything is
    /// read anew, since nobody knows what was announced meanwhile.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut wait = FIRST_RETRY;
        loop {
            let listening = async {
                let mut listener = self.connect().await?;
                self.online.set(true);
                self.feed.publish(StoreEvent::Resync);
                self.sessions.publish(SessionEvent::Resync);
                self.listen(&mut listener).await
            };
            let ended = stop.run_until_cancelled(listening).await;
            let was_online = self.online.get();
            self.online.set(false);
            let Some(Err(error)) = ended else { return };
            wait = if was_online { FIRST_RETRY } else { LONGEST_RETRY.min(wait * 2) };
            tracing::warn!(%error, retry_ms = wait.as_millis(), "the database is away");
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    async fn connect(&self) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ANSWER)
            .connect_lazy_with(self.options.clone());
        let mut connection = pool.acquire().await?;
        for part in [TOOLS, SESSIONS, MAILBOX] {
            migrate(&mut connection, &self.origin.schema, &part)
                .await
                .map_err(|error| sqlx::Error::Configuration(error.into()))?;
        }
        drop(connection);
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen_all([CHANNEL, sessions::CHANNEL, mailbox::CHANNEL]).await?;
        Ok(listener)
    }

    /// Ends only with an error.
    async fn listen(&self, listener: &mut PgListener) -> Result<(), sqlx::Error> {
        loop {
            let first = hear::next(listener).await?;
            let mut news = News::default();
            self.note(&first, &mut news);
            // What came while this connection was used for something else.
            while let Some(next) = listener.next_buffered() {
                self.note(&next, &mut news);
            }
            self.tell(news, listener).await?;
        }
    }

    fn note(&self, told: &PgNotification, news: &mut News) {
        if told.channel() == sessions::CHANNEL {
            if let Some(event) = sessions::heard(told.payload(), &self.origin) {
                self.sessions.publish(event);
            }
            return;
        }
        if told.channel() == mailbox::CHANNEL {
            if let Some(name) = mailbox::heard(told.payload(), &self.origin) {
                self.mailbox.publish(name);
            }
            return;
        }
        let Ok(heard) = serde_json::from_str::<Announcement>(told.payload()) else {
            tracing::debug!("an announcement that can't be read was left alone");
            return;
        };
        // Our own writes were told by the writer, which has the record at hand.
        let Origin { schema, instance } = &self.origin;
        if heard.schema != *schema || heard.instance.as_ref() == Some(instance) {
            return;
        }
        match heard.target.as_deref().map(ToolName::parse_external) {
            Some(Ok(name)) => drop(news.changed.insert(name)),
            Some(Err(_)) | None => news.unnamed = true,
        }
    }

    /// Reads what has changed on the connection that heard of it: in one go, and without waiting for another one.
    async fn tell(&self, news: News, listener: &mut PgListener) -> Result<(), sqlx::Error> {
        if news.unnamed {
            self.feed.publish(StoreEvent::Resync);
        } else if !news.changed.is_empty() {
            let newest = self.reader.newest(&news.changed, listener);
            let newest = tokio::time::timeout(ANSWER, newest).await;
            match newest.map_err(|_| sqlx::Error::PoolTimedOut)? {
                Ok(events) => events.into_iter().for_each(|event| self.feed.publish(event)),
                // The statement failed, not the connection.
                Err(error) if error.as_database_error().is_some() => {
                    tracing::warn!(%error, "what has changed can't be read");
                    self.feed.publish(StoreEvent::Resync);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
