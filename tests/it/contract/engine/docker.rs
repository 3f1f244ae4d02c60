//! The Docker engine, with containers that wait and with ones that are made when they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{Containers, DependencyOptions, Images};
use dynamic_mcp::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, Means};
use dynamic_mcp::domain::image::{AllowedImages, ContainerImage};
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EngineHarness, engine_contract, stamp};
use crate::support::docker;

/// So many containers wait.
pub(crate) struct Docker(pub(crate) usize);

impl Docker {
    pub(crate) fn start(&self) -> DockerEngine {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::new(&format!("test-{}-{number}", std::process::id()));
        let image = ContainerImage::parse("node:lts-slim").unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let connection = Arc::new(docker::connection());
        let containers = Containers::new(Arc::clone(&connection), &tasks);
        let images = Images::new(connection, AllowedImages::default(), &tasks, &stop);
        let options = DependencyOptions {
            registry: None,
            extra_ca: docker::extra_ca(),
            cache_bytes: 256 << 20,
        };
        let dependencies = docker::dependencies(&instance, options, &tasks, &stop);
        let means = Means { containers, images, dependencies };
        let config = DockerConfig { spares: self.0, ..DockerConfig::new(instance, image) };
        DockerEngine::start(config, means, &tasks, &stop)
    }
}

#[async_trait]
impl EngineHarness for Docker {
    async fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.start())
    }
}

stamp!(warm, Docker(2));
