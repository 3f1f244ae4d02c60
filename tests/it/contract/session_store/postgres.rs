//! The store in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::SessionStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{SessionHarness, sessions};
use crate::support::postgres::TestSchema;

struct Postgres {
    schema: TestSchema,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Postgres {
    fn new() -> Self {
        Self {
            schema: TestSchema::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl SessionHarness for Postgres {
    async fn open(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.schema.open(50, &self.tasks, &self.stop).await.sessions())
    }
}

sessions!(Postgres::new());
