//! A mailbox in PostgreSQL; a letter is announced in the statement that leaves it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgPool};

use super::announcement::Origin;
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
    pub(super) origin: Origin,
    pub(super) feed: Feed<String>,
    pub(super) online: Online,
}

/// Tells that a letter of this name was left.
#[derive(Serialize, Deserialize)]
struct Left {
    letter: String,
}

/// The letter that an announcement tells a process of.
pub(super) fn heard(payload: &str, origin: &Origin) -> Option<String> {
    origin.heard(payload).map(|Left { letter }| letter)
}

#[async_trait]
impl Mailbox for PgMailbox {
    async fn post(&self, name: &str, letter: &str) -> Result<(), StoreError> {
        self.online.check()?;
        let announcement = self.origin.announce(Left { letter: name.to_owned() });
        let sql = format!(
            "WITH old AS (DELETE FROM {0}.mcp_mailbox WHERE posted_at < now() - interval '1 hour'), \
             kept AS (INSERT INTO {0}.mcp_mailbox (name, letter) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET letter = excluded.letter, posted_at = now() RETURNING 1) \
             SELECT pg_notify($3, $4) FROM kept",
            self.origin.schema
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(name).bind(letter);
        let query = query.bind(CHANNEL).bind(announcement).execute(&self.pool);
        answer(query).await.map(drop).map_err(store_error)
    }

    async fn take(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.online.check()?;
        let schema = &self.origin.schema;
        let sql = format!("DELETE FROM {schema}.mcp_mailbox WHERE name = $1 RETURNING letter");
        let taken = sqlx::query_scalar(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool);
        answer(taken).await.map_err(store_error)
    }

    fn watch(&self) -> BoxStream<String> {
        self.feed.subscribe()
    }
}
