//! The one writer of a process: gathers the writes that wait, and makes one transaction of them.
//!
//! PostgreSQL commits transactions that announce something one after the other, so the number of writes to
//! a commit is what decides how many are done in a second.

use std::sync::Arc;

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use tokio::sync::{mpsc, oneshot};

use super::connect::answer;
use super::error::{is_refusal, store_error};
use super::order::OrderedFeed;
use super::row::Row;
use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{StoreError, StoreEvent};

/// Most writes in one transaction.
const BATCH: usize = 64;

/// A write that waits for its turn.
pub(super) struct Write {
    op: Op,
    done: StoreEvent,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Op {
    Insert { name: ToolName, tool: Row, capacity: usize },
    Replace { name: ToolName, tool: Row, seen: Revision },
    Remove { name: ToolName, seen: Revision },
}

/// Where writes are handed in.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Write>);

impl Writer {
    pub(super) async fn insert(
        &self,
        record: Arc<ToolRecord>,
        capacity: usize,
    ) -> Result<(), StoreError> {
        let op = Op::Insert { name: record.name.clone(), tool: Row::from(&*record), capacity };
        self.submit(op, StoreEvent::Put(record)).await
    }

    pub(super) async fn replace(
        &self,
        record: Arc<ToolRecord>,
        seen: Revision,
    ) -> Result<(), StoreError> {
        let op = Op::Replace { name: record.name.clone(), tool: Row::from(&*record), seen };
        self.submit(op, StoreEvent::Put(record)).await
    }

    pub(super) async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError> {
        let op = Op::Remove { name: name.clone(), seen };
        self.submit(op, StoreEvent::Removed(name.clone(), seen)).await
    }

    async fn submit(&self, op: Op, done: StoreEvent) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable {
            reason: "the server is shutting down".to_owned(),
            source: None,
        };
        self.0.send(Write { op, done, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// What the writer task needs.
pub(super) struct WriterTask {
    pub(super) pool: PgPool,
    pub(super) schema: String,
    pub(super) instance: String,
    pub(super) history: i32,
    pub(super) feed: Arc<OrderedFeed>,
}

/// Makes the writer and the loop that has to be run for it.
pub(super) fn writer(task: WriterTask) -> (Writer, impl Future<Output = ()> + Send) {
    let (sender, mut waiting) = mpsc::channel(BATCH);
    let run = async move {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            task.write(&mut batch).await;
        }
    };
    (Writer(sender), run)
}

impl WriterTask {
    async fn write(&self, batch: &mut Vec<Write>) {
        let ops: Vec<&Op> = batch.iter().map(|write| &write.op).collect();
        match self.transaction(&ops).await {
            Ok(outcomes) => {
                for (write, outcome) in batch.drain(..).zip(outcomes) {
                    self.answer(write, outcome);
                }
            }
            // One bad write must not take the others with it.
            Err(error) if is_refusal(&error) && batch.len() > 1 => {
                for write in batch.drain(..) {
                    let outcome = self.transaction(&[&write.op]).await;
                    let outcome = outcome.map_err(store_error).and_then(|mut outcomes| {
                        outcomes.pop().unwrap_or_else(|| Err(unreadable()))
                    });
                    self.answer(write, outcome);
                }
            }
            Err(error) => {
                tracing::warn!(%error, writes = batch.len(), "writes could not be stored");
                let reason = match store_error(error) {
                    StoreError::Unavailable { reason, .. } | StoreError::Corrupt { reason, .. } => {
                        reason
                    }
                    other => other.to_string(),
                };
                for write in batch.drain(..) {
                    let reason = reason.clone();
                    self.answer(write, Err(StoreError::Unavailable { reason, source: None }));
                }
            }
        }
    }

    fn answer(&self, write: Write, outcome: Result<(), StoreError>) {
        if outcome.is_ok() {
            self.feed.publish(write.done);
        }
        // Nobody waits any more: the write stands all the same.
        write.reply.send(outcome).ok();
    }

    async fn transaction(&self, ops: &[&Op]) -> Result<Vec<Result<(), StoreError>>, sqlx::Error> {
        let json = serde_json::to_string(ops).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let sql = format!(
            "SELECT outcome, actual FROM {}.dynamic_tool_write($1::json, $2, $3)",
            self.schema
        );
        let query =
            sqlx::query(AssertSqlSafe(sql)).bind(json).bind(&self.instance).bind(self.history);
        let rows = answer(query.fetch_all(&self.pool)).await?;
        rows.iter().zip(ops).map(|(row, op)| outcome(row, op)).collect()
    }
}

fn outcome(row: &sqlx::postgres::PgRow, op: &Op) -> Result<Result<(), StoreError>, sqlx::Error> {
    let actual: Option<i32> = row.try_get("actual")?;
    Ok(match (row.try_get("outcome")?, op) {
        ("ok", _) => Ok(()),
        ("exists", _) => Err(StoreError::Exists),
        ("full", Op::Insert { capacity, .. }) => Err(StoreError::Full { capacity: *capacity }),
        ("conflict", _) => Err(StoreError::Conflict { actual: actual.and_then(revision) }),
        _ => Err(unreadable()),
    })
}

/// PostgreSQL's integer as a revision.
pub(super) fn revision(number: i32) -> Option<Revision> {
    u64::try_from(number).ok().and_then(Revision::new)
}

fn unreadable() -> StoreError {
    let reason = "the database's answer can't be read".to_owned();
    StoreError::Corrupt { reason, source: None }
}
