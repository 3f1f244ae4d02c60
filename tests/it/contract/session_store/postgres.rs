//! Sessions in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::SessionStore;

use super::super::background::Background;
use super::{SessionHarness, sessions};
use crate::support::postgres::TestSchema;

#[derive(Default)]
struct Postgres {
    schema: TestSchema,
    background: Background,
}

#[async_trait]
impl SessionHarness for Postgres {
    async fn open(&self) -> Arc<dyn SessionStore> {
        let (tasks, stop) = self.background.current();
        Arc::new(self.schema.open(50, &tasks, &stop).await.sessions())
    }
}

sessions!(Postgres::default());
