//! The store in PostgreSQL.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dynamic_mcp::ports::ToolStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::durable::{DurableHarness, durable};
use super::{HISTORY, StoreHarness, shared::shared, single::single, watched::watched};
use crate::support::postgres::TestSchema;

struct Postgres {
    schema: TestSchema,
    open: Mutex<(TaskTracker, CancellationToken)>,
}

impl Postgres {
    fn new() -> Self {
        Self { schema: TestSchema::new(), open: Mutex::default() }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.open.lock().unwrap().1.cancel();
    }
}

#[async_trait]
impl StoreHarness for Postgres {
    async fn open(&self) -> Arc<dyn ToolStore> {
        let (tracker, stop) = self.open.lock().unwrap().clone();
        Arc::new(self.schema.open(u32::try_from(HISTORY).unwrap(), &tracker, &stop).await)
    }
}

#[async_trait]
impl DurableHarness for Postgres {
    async fn reopen(&self) -> Arc<dyn ToolStore> {
        let (tracker, stop) = std::mem::take(&mut *self.open.lock().unwrap());
        stop.cancel();
        tracker.close();
        tracker.wait().await;
        self.open().await
    }

    async fn damage(&self, name: &str) {
        // As a disk would: the triggers do not see it.
        let sql = format!(
            "ALTER TABLE {{s}}.dynamic_tools DISABLE TRIGGER USER; \
             UPDATE {{s}}.dynamic_tools SET code = code || ' ' WHERE name = '{name}'; \
             ALTER TABLE {{s}}.dynamic_tools ENABLE TRIGGER USER"
        );
        self.schema.execute(&sql).await;
    }
}

single!(Postgres::new());
watched!(Postgres::new());
shared!(Postgres::new());
durable!(Postgres::new());
