//! Reads: whole rows as JSON, turned into records or said to be damaged.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgExecutor, PgPool, Row as _};

use super::connect::answer;
use super::error::store_error;
use super::row::Row;
use super::write::revision;
use crate::domain::tool::{EngineKind, Revision, ToolName, ToolRecord};
use crate::ports::{Listing, StoreError, StoreEvent};

/// Reads from one schema. Cheap to clone.
#[derive(Clone)]
pub(super) struct PgReader {
    pub(super) pool: PgPool,
    pub(super) schema: String,
    pub(super) default_engine: EngineKind,
}

impl PgReader {
    pub(super) async fn list(&self) -> Result<Listing, StoreError> {
        let sql = format!(
            "SELECT name, to_json(t)::text FROM {}.dynamic_tools t ORDER BY name COLLATE \"C\"",
            self.schema
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool);
        let rows: Vec<(String, String)> = answer(rows).await.map_err(store_error)?;
        let mut listing = Listing::default();
        for (name, json) in rows {
            match self.record(&json) {
                Ok(record) => listing.tools.push(record),
                Err(reason) => listing.corrupt.push((name, reason)),
            }
        }
        Ok(listing)
    }

    pub(super) async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError> {
        let sql =
            format!("SELECT to_json(t)::text FROM {}.dynamic_tools t WHERE name = $1", self.schema);
        let row = sqlx::query_as(AssertSqlSafe(sql)).bind(name.as_str()).fetch_optional(&self.pool);
        let row: Option<(String,)> = answer(row).await.map_err(store_error)?;
        row.map(|(json,)| self.record(&json).map_err(corrupt)).transpose()
    }

    pub(super) async fn last_revision(
        &self,
        name: &ToolName,
    ) -> Result<Option<Revision>, StoreError> {
        let sql = format!(
            "SELECT greatest((SELECT revision FROM {0}.dynamic_tools WHERE name = $1), \
             (SELECT revision FROM {0}.dynamic_tool_tombstones WHERE name = $1))",
            self.schema
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(name.as_str()).fetch_one(&self.pool);
        let row = answer(row).await.map_err(store_error)?;
        let last: Option<i32> = row.try_get(0).map_err(store_error)?;
        Ok(last.and_then(revision))
    }

    pub(super) async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError> {
        let sql = format!(
            "SELECT to_json(t)::text FROM {}.dynamic_tool_revisions t WHERE name = $1 \
             ORDER BY revision DESC LIMIT $2",
            self.schema
        );
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(name.as_str())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool);
        let rows: Vec<(String,)> = answer(rows).await.map_err(store_error)?;
        rows.into_iter().map(|(json,)| self.record(&json).map_err(corrupt)).collect()
    }

    /// What became of these tools, as events, all of one moment; of what never was there is none.
    pub(super) async fn newest(
        &self,
        names: &BTreeSet<ToolName>,
        connection: impl PgExecutor<'_>,
    ) -> Result<Vec<StoreEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT n.name, (SELECT to_json(t)::text FROM {0}.dynamic_tools t WHERE t.name = n.name), \
             (SELECT revision FROM {0}.dynamic_tool_tombstones d WHERE d.name = n.name) \
             FROM unnest($1::text[]) AS n(name)",
            self.schema
        );
        let asked: Vec<&str> = names.iter().map(ToolName::as_str).collect();
        let rows: Vec<(String, Option<String>, Option<i32>)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(asked).fetch_all(connection).await?;
        let event = |(name, row, deleted): (String, Option<String>, Option<i32>)| {
            if let Some(json) = row {
                return Some(self.record(&json).map_or(StoreEvent::Resync, StoreEvent::Put));
            }
            let name = ToolName::parse_external(&name).ok()?;
            Some(StoreEvent::Removed(name, deleted.and_then(revision)?))
        };
        Ok(rows.into_iter().filter_map(event).collect())
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        answer(sqlx::query("SELECT 1").execute(&self.pool)).await.map(drop).map_err(store_error)
    }

    fn record(&self, json: &str) -> Result<Arc<ToolRecord>, String> {
        Row::parse(json)?.into_record(self.default_engine).map(Arc::new)
    }
}

fn corrupt(reason: String) -> StoreError {
    StoreError::Corrupt { reason, source: None }
}
