//! Attachments in PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::postgres::{PgAttachments, SchemaName};
use dynamic_mcp::ports::AttachmentStore;

use super::super::background::Background;
use super::{Harness, stamp};
use crate::support::postgres::{TestSchema, url};

#[derive(Default)]
struct Postgres {
    schema: TestSchema,
    background: Background,
}

#[async_trait]
impl Harness for Postgres {
    async fn open(&self) -> Arc<dyn AttachmentStore> {
        let schema = SchemaName::parse(&self.schema.name).unwrap();
        let (tasks, stop) = self.background.current();
        let store = PgAttachments::open(&url(), &schema, &tasks, &stop).unwrap();
        let ready = async {
            while store.list().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.unwrap();
        Arc::new(store)
    }
}

stamp!(Postgres::default());
