//! A mailbox in PostgreSQL; a letter is announced in the statement that leaves it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgPool};

use super::connect::answer;
use super::error::store_error;
use super::listen::Online;
use crate::adapters::outbound::store::feed::Feed;
use crate::ports::{BoxStream, Mailbox, StoreError};

/// Where letters are announced.
pub(super) const CHANNEL: &str = "dynamic_mcp_mailbox";

/// The mailbox in one schema. Cheap to clone.
#[derive(Clone)]
pub struct PgMailbox {
    pub(super) pool: PgPool,
    pub(super) schema: String,
    pub(super) instance: String,
    pub(super) feed: Feed<String>,
    pub(super) online: Online,
}

/// An announcement's payload.
#[derive(Serialize, Deserialize)]
struct Announcement {
    schema: String,
    #[serde(rename = "instanceId")]
    instance: String,
    letter: String,
}

/// The letter that an announcement tells a process of; nothing where it comes from the process itself or from another
/// schema.
pub(super) fn heard(payload: &str, schema: &str, instance: &str) -> Option<String> {
    let heard: Announcement = serde_json::from_str(payload).ok()?;
    (heard.schema == schema && heard.instance != instance).then_some(heard.letter)
}

#[async_trait]
impl Mailbox for PgMailbox {
    async fn post(&self, name: &str, letter: &str) -> Result<(), StoreError> {
        self.online.check()?;
        let announcement = Announcement {
            schema: self.schema.clone(),
            instance: self.instance.clone(),
            letter: name.to_owned(),
        };
        // A struct of texts always has a JSON form.
        let announcement = serde_json::to_string(&announcement).unwrap_or_default();
        let sql = format!(
            "WITH old AS (DELETE FROM {0}.mcp_mailbox WHERE posted_at < now() - interval '1 hour'), \
             kept AS (INSERT INTO {0}.mcp_mailbox (name, letter) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET letter = excluded.letter, posted_at = now() RETURNING 1) \
             SELECT pg_notify($3, $4) FROM kept",
            self.schema
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(name).bind(letter);
        let query = query.bind(CHANNEL).bind(announcement).execute(&self.pool);
        answer(query).await.map(drop).map_err(store_error)
    }

    async fn take(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.online.check()?;
        let sql =
            format!("DELETE FROM {}.mcp_mailbox WHERE name = $1 RETURNING letter", self.schema);
        let taken = sqlx::query_scalar(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool);
        answer(taken).await.map_err(store_error)
    }

    fn watch(&self) -> BoxStream<String> {
        self.feed.subscribe()
    }
}
