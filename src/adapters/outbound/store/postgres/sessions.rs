//! Sessions in PostgreSQL. What others have to know is announced in the statement that makes it so.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _};

use super::announcement::Origin;
use super::error::reason;
use super::listen::Online;
use crate::adapters::outbound::store::feed::Feed;
use crate::domain::LogLevel;
use crate::ports::{
    BoxStream, SessionEvent, SessionKey, SessionStore, SessionStoreError, StoredSession,
};

/// Where sessions are announced.
pub(super) const CHANNEL: &str = "dynamic_mcp_sessions";

/// Longest wait for one statement's answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Sessions in one schema. Cheap to clone.
#[derive(Clone)]
pub struct PgSessionStore {
    pub(super) pool: PgPool,
    pub(super) origin: Origin,
    pub(super) feed: Feed<SessionEvent>,
    pub(super) online: Online,
}

/// Tells what has become of a session.
#[derive(Serialize, Deserialize)]
struct Told {
    session: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What {
    Ended,
    LogLevel { level: LogLevel },
    Cancelled { request: String },
}

/// What an announcement tells a process.
pub(super) fn heard(payload: &str, origin: &Origin) -> Option<SessionEvent> {
    let Told { session, what } = origin.heard(payload)?;
    let key = SessionKey::from_str(&session).ok()?;
    Some(match what {
        What::Ended => SessionEvent::Ended(key),
        What::LogLevel { level } => SessionEvent::LogLevel(key, level),
        What::Cancelled { request } => SessionEvent::Cancelled(key, request),
    })
}

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

impl PgSessionStore {
    /// `{s}` in the statement is the table.
    fn sql(&self, statement: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(statement.replace("{s}", &format!("{}.mcp_sessions", self.origin.schema)))
    }

    fn announcement(&self, key: &SessionKey, what: What) -> String {
        self.origin.announce(Told { session: key.to_string(), what })
    }

    async fn run(&self, query: PgQuery<'_>) -> Result<Vec<PgRow>, SessionStoreError> {
        if !self.online.get() {
            let reason = "the database is away".to_owned();
            return Err(SessionStoreError::Unavailable { reason, source: None });
        }
        let answer = tokio::time::timeout(ANSWER, query.fetch_all(&self.pool)).await;
        answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unavailable)
    }
}

fn unavailable(error: sqlx::Error) -> SessionStoreError {
    let reason = reason(&error).to_owned();
    SessionStoreError::Unavailable { reason, source: Some(error.into()) }
}

/// In milliseconds, as PostgreSQL counts.
fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SessionStore for PgSessionStore {
    async fn insert(
        &self,
        key: &SessionKey,
        session: &StoredSession,
        ttl: Duration,
    ) -> Result<(), SessionStoreError> {
        let sql = self.sql(
            "INSERT INTO {s} (key, owner, initialize, log_level, expires_at) \
             VALUES ($1, $2, $3::json, $4, now() + $5 * interval '1 millisecond') \
             ON CONFLICT (key) DO NOTHING",
        );
        let query = sqlx::query(sql)
            .bind(key.as_bytes().as_slice())
            .bind(session.owner.as_deref())
            .bind(session.initialize.to_string())
            .bind(session.log_level.map(LogLevel::as_str))
            .bind(millis(ttl));
        self.run(query).await.map(drop)
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<StoredSession>, SessionStoreError> {
        let sql = self.sql(
            "SELECT owner, initialize::text AS initialize, log_level FROM {s} \
             WHERE key = $1 AND expires_at > now()",
        );
        let rows = self.run(sqlx::query(sql).bind(key.as_bytes().as_slice())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let owner: Option<String> = row.try_get("owner").map_err(unavailable)?;
        let initialize: String = row.try_get("initialize").map_err(unavailable)?;
        let level: Option<String> = row.try_get("log_level").map_err(unavailable)?;
        Ok(Some(StoredSession {
            owner: owner.map(Arc::from),
            initialize: serde_json::from_str(&initialize)
                .map_err(|error| unavailable(sqlx::Error::Decode(error.into())))?,
            log_level: level.and_then(|level| serde_json::from_value(level.into()).ok()),
        }))
    }

    async fn touch(
        &self,
        sessions: &[(SessionKey, Duration)],
    ) -> Result<Vec<SessionKey>, SessionStoreError> {
        // Locked in one order, so that replicas that keep the same sessions don't block each other.
        let sql = self.sql(
            "WITH asked AS (SELECT * FROM unnest($1::bytea[], $2::bigint[]) AS a(key, ms)), \
             live AS (SELECT t.key, ms FROM {s} t JOIN asked USING (key) \
                 WHERE expires_at > now() ORDER BY t.key FOR UPDATE OF t), \
             kept AS (UPDATE {s} t SET expires_at = \
                 greatest(t.expires_at, now() + live.ms * interval '1 millisecond') \
                 FROM live WHERE t.key = live.key RETURNING t.key) \
             SELECT key FROM asked WHERE key NOT IN (SELECT key FROM kept)",
        );
        let keys: Vec<&[u8]> = sessions.iter().map(|(key, _)| key.as_bytes().as_slice()).collect();
        let times: Vec<i64> = sessions.iter().map(|(_, time)| millis(*time)).collect();
        let rows = self.run(sqlx::query(sql).bind(keys).bind(times)).await?;
        rows.iter()
            .map(|row| row.try_get::<[u8; 32], _>("key").map(SessionKey::new).map_err(unavailable))
            .collect()
    }

    async fn set_log_level(
        &self,
        key: &SessionKey,
        level: LogLevel,
    ) -> Result<(), SessionStoreError> {
        let sql = self.sql(
            "WITH changed AS (UPDATE {s} SET log_level = $2 WHERE key = $1 RETURNING 1) \
             SELECT pg_notify($3, $4) FROM changed",
        );
        let query = sqlx::query(sql)
            .bind(key.as_bytes().as_slice())
            .bind(level.as_str())
            .bind(CHANNEL)
            .bind(self.announcement(key, What::LogLevel { level }));
        self.run(query).await.map(drop)
    }

    async fn remove(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let sql = self.sql(
            "WITH gone AS (DELETE FROM {s} WHERE key = $1 RETURNING expires_at > now() AS live) \
             SELECT pg_notify($2, $3), live FROM gone",
        );
        let query = sqlx::query(sql)
            .bind(key.as_bytes().as_slice())
            .bind(CHANNEL)
            .bind(self.announcement(key, What::Ended));
        let rows = self.run(query).await?;
        rows.first().map_or(Ok(false), |row| row.try_get("live").map_err(unavailable))
    }

    async fn cancel(&self, key: &SessionKey, request: &str) -> Result<(), SessionStoreError> {
        let what = What::Cancelled { request: request.to_owned() };
        let payload = self.announcement(key, what);
        let query = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
        self.run(query).await.map(drop)
    }

    async fn sweep(&self) -> Result<u64, SessionStoreError> {
        let sql = self.sql("DELETE FROM {s} WHERE expires_at <= now() RETURNING 1");
        Ok(self.run(sqlx::query(sql)).await?.len() as u64)
    }

    fn watch(&self) -> BoxStream<SessionEvent> {
        self.feed.subscribe()
    }
}
