//! A mailbox in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::ports::Mailbox;

use super::super::background::Background;
use super::{MailboxHarness, mailbox};
use crate::support::postgres::TestSchema;

#[derive(Default)]
struct Postgres {
    schema: TestSchema,
    background: Background,
}

#[async_trait]
impl MailboxHarness for Postgres {
    async fn open(&self) -> Arc<dyn Mailbox> {
        let (tasks, stop) = self.background.current();
        Arc::new(self.schema.open(50, &tasks, &stop).await.mailbox())
    }
}

mailbox!(Postgres::default());
