//! The connection, the pool and the name of the schema.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use crate::domain::text::echo;

/// Longest wait for a connection: a caller is told that the store is away rather than kept waiting.
const ACQUIRE: Duration = Duration::from_secs(2);
/// Longest run of one statement on the server, in milliseconds.
const STATEMENT_MS: &str = "10000";
/// Longest wait for the answer to a statement. The server has ended it by then, so that a connection on which
/// nothing comes leads nowhere, as after the loss of the machine behind it.
const ANSWER: Duration = Duration::from_secs(12);
/// Longest wait for a connection that is given back to show that it is of use.
const RELEASE: Duration = Duration::from_secs(3);
/// Connections for statements. The writer needs one and reads are short.
const CONNECTIONS: u32 = 8;

/// Why the settings can't be used. Holds no password.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not a connection URL.
    #[error(
        "it is not a PostgreSQL connection URL such as postgres://user:password@host:5432/database"
    )]
    Url,
    /// Not a plain identifier.
    #[error("{0:?} is not a schema name: use letters, digits and '_', at most 63, no digit first")]
    Schema(String),
}

/// A schema's name, safe to be written into statements.
#[derive(Debug, Clone)]
pub struct SchemaName(String);

impl SchemaName {
    /// `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`, in lower case as PostgreSQL folds unquoted names.
    pub fn parse(name: &str) -> Result<Self, SettingsError> {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if first && name.len() <= 63 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(SettingsError::Schema(echo(name)))
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Options from a URL; times are always UTC, and the server keeps to itself that a table is there already.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, SettingsError> {
    // The driver takes any scheme, another database's too.
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(SettingsError::Url);
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| SettingsError::Url)?;
    Ok(options.application_name("dynamic-mcp").options([
        ("timezone", "UTC"),
        ("statement_timeout", STATEMENT_MS),
        ("client_min_messages", "warning"),
    ]))
}

/// A pool that connects when it is first used. A connection on which nothing comes any more is given up, rather
/// than keep its place.
pub(super) fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .after_release(|connection, _| {
            Box::pin(async move {
                let shown = tokio::time::timeout(RELEASE, connection.ping()).await;
                shown.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
            })
        })
        .connect_lazy_with(options)
}

/// The answer to a statement, if it comes in time.
pub(super) async fn answer<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(ANSWER, statement).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
