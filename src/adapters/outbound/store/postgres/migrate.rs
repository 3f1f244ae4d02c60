//! Brings the database's tables to what this version needs.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

/// Tables that belong together, and their version, which is kept as the first one's comment.
pub(super) struct Part {
    table: &'static str,
    version: u32,
    /// Can be run again on tables of an earlier version.
    statements: &'static str,
    /// Run once, after the statements.
    finish: &'static str,
}

/// The registry.
pub(super) const TOOLS: Part = Part {
    table: "dynamic_tools",
    version: 1,
    statements: include_str!("schema.sql"),
    finish: "INSERT INTO {schema}.dynamic_tool_revisions SELECT * FROM {schema}.dynamic_tools \
             ON CONFLICT DO NOTHING;",
};

/// Sessions.
pub(super) const SESSIONS: Part = Part {
    table: "mcp_sessions",
    version: 1,
    statements: include_str!("sessions.sql"),
    finish: "",
};

/// The mailbox.
pub(super) const MAILBOX: Part =
    Part { table: "mcp_mailbox", version: 1, statements: include_str!("mailbox.sql"), finish: "" };

const COMMENT: &str = "dynamic-mcp schema ";

/// Why the database can't be used as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    /// A newer version of this program made the tables.
    #[error(
        "the database's table {table} has version {found}, and this program knows versions up to {known}: use a newer version of it"
    )]
    TooNew {
        /// The table.
        table: &'static str,
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The database said no.
    #[error("the database's tables could not be prepared")]
    Database(#[from] sqlx::Error),
}

/// Makes what is missing of a part. Replicas that start at once wait for each other; where everything is
/// there already no lock is taken, so that a start does not hold up writers.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    schema: &str,
    part: &Part,
) -> Result<(), MigrateError> {
    if version(connection, schema, part).await? == Some(part.version) {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    // Released by the commit; the number is arbitrary and this program's own.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('dynamic_mcp.migrate', 0))")
        .execute(&mut *transaction)
        .await?;
    if version(&mut transaction, schema, part).await? != Some(part.version) {
        for statements in [part.statements, part.finish] {
            let statements = statements.replace("{schema}", schema);
            transaction.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
        }
        let (table, version) = (part.table, part.version);
        let comment = format!("COMMENT ON TABLE {schema}.{table} IS '{COMMENT}{version}'");
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(comment))).await?;
    }
    Ok(transaction.commit().await?)
}

/// `None`: no table, or one that only the Node project has used.
async fn version(
    connection: &mut PgConnection,
    schema: &str,
    part: &Part,
) -> Result<Option<u32>, MigrateError> {
    let row = sqlx::query("SELECT obj_description(to_regclass($1), 'pg_class')")
        .bind(format!("{schema}.{}", part.table))
        .fetch_one(connection)
        .await?;
    let comment: Option<String> = row.try_get(0)?;
    let found = comment.and_then(|text| text.strip_prefix(COMMENT)?.parse().ok());
    match found {
        Some(found) if found > part.version => {
            Err(MigrateError::TooNew { table: part.table, found, known: part.version })
        }
        found => Ok(found),
    }
}
