//! How the Docker engine is set up.

use crate::adapters::outbound::docker::Resources;
use crate::adapters::outbound::docker::labels::Instance;
use crate::domain::image::ContainerImage;

/// Everything that the engine can be told.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// This run of the server, which no other server is.
    pub instance: Instance,
    /// What a container may use (`MCP_SANDBOX_MEMORY_LIMIT`, `MCP_SANDBOX_CPU_LIMIT`).
    pub resources: Resources,
    /// The image of tools that name none, and that code is checked in.
    pub image: ContainerImage,
    /// How many containers to keep ready of each kind that is used; 0: none (`MCP_SANDBOX_POOL_SIZE`).
    pub spares: usize,
    /// Whether to keep containers ready before the first call.
    pub prepared: bool,
}

impl DockerConfig {
    /// Defaults: 512 MiB, one processor, two spares from the start.
    pub fn new(instance: Instance, image: ContainerImage) -> Self {
        let resources = Resources { memory_bytes: 512 << 20, millicpus: 1_000 };
        Self { instance, resources, image, spares: 2, prepared: true }
    }
}
