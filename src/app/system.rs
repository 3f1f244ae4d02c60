//! What the server says of itself.

use tokio::time::Instant;

use super::{Engines, RuntimeConfig};
use crate::domain::tool::EngineChoice;
use crate::ports::EngineReport;

/// Health and identity.
pub struct System {
    started: Instant,
    engines: Engines,
    config: RuntimeConfig,
}

/// What `system.health` shows.
#[derive(Debug, Clone)]
pub struct Health {
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// What each engine can do now.
    pub engines: Vec<EngineReport>,
}

impl System {
    /// The name under which the server presents itself.
    pub const SERVICE: &'static str = "dynamic-mcp";
    /// The server's version.
    pub const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    /// Starts counting now.
    pub fn new(engines: Engines, config: RuntimeConfig) -> Self {
        Self { started: Instant::now(), engines, config }
    }

    /// The configuration that the server runs with, as far as anybody may see it.
    pub fn runtime_config(&self) -> RuntimeConfig {
        self.config.resolved(&self.engines)
    }

    /// Waits until every engine can say what it can do: a daemon was asked, a sandbox was started. At most some seconds.
    pub async fn settled(&self) {
        self.engines.settled(EngineChoice::Auto).await;
        // Parsing waits for a sandbox.
        self.engines.check("").await.ok();
    }

    /// How the server is.
    pub fn health(&self) -> Health {
        Health { uptime_seconds: self.started.elapsed().as_secs(), engines: self.engines.reports() }
    }
}
