//! The store in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::ToolStore;

use super::super::background::Background;
use super::durable::{DurableHarness, durable};
use super::{HISTORY, StoreHarness, shared::shared, single::single, watched::watched};
use crate::support::postgres::TestSchema;

struct Postgres {
    schema: TestSchema,
    background: Background,
}

impl Postgres {
    fn new() -> Self {
        Self { schema: TestSchema::new(), background: Background::default() }
    }
}

#[async_trait]
impl StoreHarness for Postgres {
    async fn open(&self) -> Arc<dyn ToolStore> {
        let (tracker, stop) = self.background.current();
        Arc::new(self.schema.open(u32::try_from(HISTORY).unwrap(), &tracker, &stop).await)
    }
}

#[async_trait]
impl DurableHarness for Postgres {
    fn background(&self) -> &Background {
        &self.background
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
