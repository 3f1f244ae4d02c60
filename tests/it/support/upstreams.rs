//! Use cases that attach other servers.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::clock::RandomIds;
use dynamic_mcp::adapters::outbound::schema_check::BoundedSchemaCheck;
use dynamic_mcp::app::{Upstreams, UpstreamsParts};
use dynamic_mcp::domain::upstream::{UpstreamPolicy, UpstreamSpec};
use dynamic_mcp::ports::metrics::NoMetrics;
use dynamic_mcp::ports::{AttachmentStore, UpstreamClient, UpstreamError, UpstreamSession};

use super::app::TestApp;

/// With these behind it, it attaches at most `max`, and mounts at once what is kept already.
pub(crate) fn attaching(
    mut test: TestApp,
    client: Arc<dyn UpstreamClient>,
    store: Arc<dyn AttachmentStore>,
    max: usize,
) -> TestApp {
    let upstreams = Arc::new(Upstreams::new(UpstreamsParts {
        store,
        client,
        catalog: Arc::clone(&test.app.catalog),
        gate: Arc::clone(&test.app.gate),
        schemas: Arc::new(BoundedSchemaCheck),
        metrics: Arc::new(NoMetrics),
        audit: test.audit.clone(),
        mailbox: None,
        clock: test.clock.clone(),
        ids: Arc::new(RandomIds),
        policy: UpstreamPolicy { commands: vec!["*".to_owned()], max_timeout_ms: 120_000 },
        max,
        lifecycle: test.lifecycle.clone(),
    }));
    let following = Arc::clone(&upstreams).follow(test.lifecycle.stopped.clone());
    test.lifecycle.tasks.spawn(following);
    test.app.upstreams = Some(upstreams);
    test
}

/// Connects to nobody.
pub(crate) struct Nobody;

#[async_trait]
impl UpstreamClient for Nobody {
    async fn connect(&self, _: &UpstreamSpec) -> Result<Arc<dyn UpstreamSession>, UpstreamError> {
        Err(UpstreamError::Unavailable("nobody is there".to_owned()))
    }
}
