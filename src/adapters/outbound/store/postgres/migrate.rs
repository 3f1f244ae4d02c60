//! Brings the database's schema to what this version needs.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

/// The version that `schema.sql` makes, kept as the table's comment.
const VERSION: u32 = 1;
const COMMENT: &str = "dynamic-mcp schema ";
const SCHEMA: &str = include_str!("schema.sql");

/// Why the database can't be used as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    /// A newer version of this program made the tables.
    #[error(
        "the database's tables have version {found}, and this program knows versions up to {VERSION}: use a newer version of it"
    )]
    TooNew {
        /// The version found.
        found: u32,
    },
    /// The database said no.
    #[error("the database's tables could not be prepared")]
    Database(#[from] sqlx::Error),
}

/// Makes what is missing. Replicas that start at once wait for each other; where everything is there
/// already no lock is taken, so that a start does not hold up writers.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<(), MigrateError> {
    if version(connection, schema).await? == Some(VERSION) {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    // Released by the commit; the number is arbitrary and this program's own.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('dynamic_mcp.migrate', 0))")
        .execute(&mut *transaction)
        .await?;
    if version(&mut transaction, schema).await? != Some(VERSION) {
        let statements = SCHEMA.replace("{schema}", schema);
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
        let finish = format!(
            "INSERT INTO {schema}.dynamic_tool_revisions SELECT * FROM {schema}.dynamic_tools \
             ON CONFLICT DO NOTHING; \
             COMMENT ON TABLE {schema}.dynamic_tools IS '{COMMENT}{VERSION}'"
        );
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(finish))).await?;
    }
    Ok(transaction.commit().await?)
}

/// `None`: no table, or one that only the Node project has used.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<Option<u32>, MigrateError> {
    let row = sqlx::query("SELECT obj_description(to_regclass($1), 'pg_class')")
        .bind(format!("{schema}.dynamic_tools"))
        .fetch_one(connection)
        .await?;
    let comment: Option<String> = row.try_get(0)?;
    let found = comment.and_then(|text| text.strip_prefix(COMMENT)?.parse().ok());
    match found {
        Some(found) if found > VERSION => Err(MigrateError::TooNew { found }),
        found => Ok(found),
    }
}
