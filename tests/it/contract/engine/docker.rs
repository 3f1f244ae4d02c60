//! The Docker engine, with containers that wait and with ones that are made when they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{Connection, Surroundings};
use dynamic_mcp::adapters::outbound::engine::docker::{DockerConfig, DockerEngine};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EngineHarness, engine_contract, stamp};

/// So many containers wait.
pub(crate) struct Docker(pub(crate) usize);

impl Docker {
    pub(crate) fn start(&self) -> DockerEngine {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::new(&format!("test-{}-{number}", std::process::id()));
        let image = ContainerImage::parse("node:lts-slim").unwrap();
        let config = DockerConfig { spares: self.0, ..DockerConfig::new(instance, image) };
        let connection = Arc::new(Connection::new(Surroundings::new(None)));
        DockerEngine::start(config, connection, &TaskTracker::new(), &CancellationToken::new())
    }
}

#[async_trait]
impl EngineHarness for Docker {
    async fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.start())
    }
}

stamp!(warm, Docker(2));
