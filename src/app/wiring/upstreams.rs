//! Other MCP servers, where attaching is on.

use std::sync::Arc;

use super::WiringError;
use crate::app::config::Config;
use crate::app::{Catalog, Gate, Lifecycle, Upstreams};
use crate::ports::{AuditLog, Mailbox, Metrics, SchemaCheck};

/// What they need of what is there already.
#[cfg_attr(not(feature = "upstream"), expect(dead_code, reason = "the other build's attach"))]
pub(super) struct Needs<'a> {
    pub(super) catalog: &'a Arc<Catalog>,
    pub(super) gate: &'a Arc<Gate>,
    pub(super) schemas: &'a Arc<dyn SchemaCheck>,
    pub(super) metrics: &'a Arc<dyn Metrics>,
    pub(super) audit: &'a Arc<dyn AuditLog>,
    pub(super) mailbox: Option<&'a Arc<dyn Mailbox>>,
    pub(super) lifecycle: &'a Lifecycle,
}

/// The use cases; `None`: attaching is off. Nothing is connected yet.
#[cfg(feature = "upstream")]
pub(super) async fn open(
    config: &Config,
    needs: Needs<'_>,
) -> Result<Option<Arc<Upstreams>>, WiringError> {
    use crate::adapters::outbound::clock::{RandomIds, SystemClock};
    use crate::adapters::outbound::upstream::{ClientOptions, McpClient};
    use crate::app::{System, UpstreamsParts};

    if !config.attaches() {
        return Ok(None);
    }
    let options = ClientOptions {
        private_hosts: config.upstream.private_hosts.clone(),
        max_message_bytes: config.upstream.max_message_bytes,
        ..ClientOptions::new(System::SERVICE, System::VERSION)
    };
    let lifecycle = needs.lifecycle;
    let parts = UpstreamsParts {
        store: super::store::attachments(config, lifecycle).await?,
        client: Arc::new(McpClient::new(options, lifecycle.tasks.clone())),
        catalog: Arc::clone(needs.catalog),
        gate: Arc::clone(needs.gate),
        schemas: Arc::clone(needs.schemas),
        metrics: Arc::clone(needs.metrics),
        audit: Arc::clone(needs.audit),
        mailbox: needs.mailbox.cloned(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        policy: config.upstream_policy(),
        max: config.upstream.max,
        lifecycle: lifecycle.clone(),
    };
    Ok(Some(Arc::new(Upstreams::new(parts))))
}

#[cfg(not(feature = "upstream"))]
#[expect(clippy::unused_async, reason = "the other build's waits for a store")]
pub(super) async fn open(
    config: &Config,
    _: Needs<'_>,
) -> Result<Option<Arc<Upstreams>>, WiringError> {
    if config.attaches() {
        let asked = format!("{}=true", crate::app::config::upstream::ATTACH.name);
        return Err(
            crate::app::config::ConfigError::NotCompiled { asked, feature: "upstream" }.into()
        );
    }
    Ok(None)
}
