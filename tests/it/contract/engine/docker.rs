//! The Docker engine, with containers that wait and with ones that are made when they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{
    Connection, Containers, Dependencies, DependencyOptions, Images,
};
use dynamic_mcp::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, DockerParts};
use dynamic_mcp::domain::image::{AllowedImages, ContainerImage};
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EngineHarness, engine_contract, stamp};
use crate::support::docker;

/// So many containers wait.
pub(crate) struct Docker(pub(crate) usize);

impl Docker {
    /// On the daemon of the tests.
    pub(crate) fn start(&self) -> DockerEngine {
        self.on(docker::connection()).0
    }

    /// On this daemon, with the name that its containers carry.
    pub(crate) fn on(&self, daemon: Connection) -> (DockerEngine, Instance) {
        self.with_packages(daemon, None)
    }

    /// The same, with packages from this registry.
    pub(crate) fn with_packages(
        &self,
        daemon: Connection,
        registry: Option<&str>,
    ) -> (DockerEngine, Instance) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::new(&format!("test-{}-{number}", std::process::id()));
        let image = ContainerImage::parse("node:lts-slim").unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let connection = Arc::new(daemon);
        let containers = Containers::new(Arc::clone(&connection), &tasks);
        let images = Images::new(connection, AllowedImages::default(), &tasks, &stop);
        let options = DependencyOptions {
            registry: registry.map(ToOwned::to_owned),
            extra_ca: docker::extra_ca(),
            cache_bytes: 256 << 20,
        };
        let (for_packages, of_packages) = (containers.clone(), images.clone());
        let dependencies =
            Dependencies::new(for_packages, of_packages, instance.clone(), options, &tasks, &stop);
        let parts = DockerParts { containers, images, dependencies };
        let config = DockerConfig { spares: self.0, ..DockerConfig::new(instance.clone(), image) };
        (DockerEngine::start(config, parts, &tasks, &stop), instance)
    }
}

#[async_trait]
impl EngineHarness for Docker {
    async fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.start())
    }
}

stamp!(warm, Docker(2));
engine_contract!(warm_alone, Docker(2), {
    control: [there_is_node_and_nothing_of_the_server],
});
