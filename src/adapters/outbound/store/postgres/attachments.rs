//! Attachments of other MCP servers, in a table of their own that the whole fleet shares.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connect::{self, SchemaName, SettingsError, answer};
use super::error::store_error;
use super::hear;
use crate::adapters::outbound::store::change_signal::ChangeSignal;
use crate::domain::upstream::{Alias, Attachment};
use crate::ports::{AttachmentStore, BoxStream, StoreError};

const CHANNEL: &str = "dynamic_mcp_upstreams";
const SCHEMA: &str = include_str!("attachments.sql");
/// Waits between attempts to connect: doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(3);

/// Keeps attachments in PostgreSQL.
pub struct PgAttachments {
    pool: PgPool,
    schema: String,
    signal: ChangeSignal,
}

impl PgAttachments {
    /// Begins to connect, in the background: until the database answers, everything is
    /// [`StoreError::Unavailable`]; when it does, and after every loss of the connection, followers are woken.
    pub fn open(
        url: &str,
        schema: &SchemaName,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, SettingsError> {
        let pool = connect::pool(connect::options(url)?);
        let (schema, signal) = (schema.as_str().to_owned(), ChangeSignal::default());
        let listening = listen(pool.clone(), schema.clone(), signal.clone());
        let stop = stop.clone();
        tasks.spawn(async move { stop.run_until_cancelled(listening).await });
        Ok(Self { pool, schema, signal })
    }
}

#[async_trait]
impl AttachmentStore for PgAttachments {
    async fn list(&self) -> Result<Vec<Attachment>, StoreError> {
        let sql = format!(
            "SELECT alias, attachment::text FROM {}.upstream_attachments \
             ORDER BY alias COLLATE \"C\"",
            self.schema
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool);
        let rows: Vec<(String, String)> = answer(rows).await.map_err(store_error)?;
        Ok(rows.iter().filter_map(|(alias, row)| decode(alias, row)).collect())
    }

    async fn insert(
        &self,
        attachment: &Attachment,
        capacity: usize,
        replacing: Option<&str>,
    ) -> Result<(), StoreError> {
        let row = serde_json::to_string(attachment).map_err(|error| StoreError::Corrupt {
            reason: "the attachment can't be written".to_owned(),
            source: Some(error.into()),
        })?;
        let sql = format!("SELECT {}.upstream_attach($1, $2, $3::json, $4, $5)", self.schema);
        let outcome = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(attachment.alias.as_str())
            .bind(&attachment.id)
            .bind(row)
            .bind(i64::try_from(capacity).unwrap_or(i64::MAX))
            .bind(replacing)
            .fetch_one(&self.pool);
        let outcome: String = answer(outcome).await.map_err(store_error)?;
        match outcome.as_str() {
            "ok" => Ok(()),
            "full" => Err(StoreError::Full { capacity }),
            "gone" => Err(StoreError::Conflict { actual: None }),
            _ => Err(StoreError::Exists),
        }
    }

    async fn remove(&self, alias: &Alias) -> Result<bool, StoreError> {
        let sql = format!("SELECT {}.upstream_detach($1)", self.schema);
        let removed =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(alias.as_str()).fetch_one(&self.pool);
        answer(removed).await.map_err(store_error)
    }

    fn watch(&self) -> BoxStream<()> {
        self.signal.follow()
    }
}

/// Listens for ever; after every loss of the connection it is made again, and then followers are woken, since
/// nobody knows what was announced meanwhile.
async fn listen(pool: PgPool, schema: String, signal: ChangeSignal) {
    let mut wait = FIRST_RETRY;
    loop {
        if let Ok(mut listener) = connect(&pool, &schema).await {
            wait = FIRST_RETRY;
            signal.notify();
            follow(&mut listener, &schema, &signal).await;
        }
        tracing::debug!(retry_ms = wait.as_millis(), "changes of attachments are not heard of");
        tokio::time::sleep(wait).await;
        wait = LONGEST_RETRY.min(wait * 2);
    }
}

async fn connect(pool: &PgPool, schema: &str) -> Result<PgListener, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Replicas that start at once wait for each other; released by the commit.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('dynamic_mcp.migrate', 0))")
        .execute(&mut *transaction)
        .await?;
    let statements = SCHEMA.replace("{schema}", schema);
    transaction.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    transaction.commit().await?;
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Until the connection is lost.
async fn follow(listener: &mut PgListener, schema: &str, signal: &ChangeSignal) {
    while let Ok(notification) = hear::next(listener).await {
        if notification.payload() == schema {
            signal.notify();
        }
    }
}

/// A row's attachment. The reason why one can't be read is not shown: it may quote a secret.
fn decode(alias: &str, row: &str) -> Option<Attachment> {
    let attachment = serde_json::from_str::<Attachment>(row).ok();
    if attachment.is_none() {
        tracing::error!(alias, "a stored attachment can't be read, and is left alone");
    }
    attachment
}
