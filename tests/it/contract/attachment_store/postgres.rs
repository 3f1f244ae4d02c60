//! Attachments in PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::postgres::{PgAttachments, SchemaName};
use dynamic_mcp::ports::AttachmentStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Harness, stamp};
use crate::support::postgres::{TestSchema, url};

struct Postgres {
    schema: TestSchema,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Postgres {
    fn new() -> Self {
        let schema = TestSchema::new();
        Self { schema, tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Harness for Postgres {
    async fn open(&self) -> Arc<dyn AttachmentStore> {
        let schema = SchemaName::parse(&self.schema.name).unwrap();
        let store = PgAttachments::open(&url(), &schema, &self.tasks, &self.stop).unwrap();
        let ready = async {
            while store.list().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.unwrap();
        Arc::new(store)
    }
}

stamp!(Postgres::new());
