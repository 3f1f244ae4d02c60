//! Letters in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::Letters;

use super::super::background::Background;
use super::{LettersHarness, letters};
use crate::support::postgres::TestSchema;

#[derive(Default)]
struct Postgres {
    schema: TestSchema,
    background: Background,
}

#[async_trait]
impl LettersHarness for Postgres {
    async fn open(&self) -> Arc<dyn Letters> {
        let (tasks, stop) = self.background.current();
        Arc::new(self.schema.open(50, &tasks, &stop).await.letters())
    }
}

letters!(Postgres::default());
