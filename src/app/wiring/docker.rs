//! Docker: one connection, and what is built on it for the engine and for sessions.

use std::path::Path;
use std::sync::Arc;

use crate::adapters::outbound::clock::{RandomIds, SystemClock};
use crate::adapters::outbound::docker::labels::Instance;
use crate::adapters::outbound::docker::{
    Connection, Containers, Dependencies, DependencyOptions, DockerSandboxes, Images, Network,
    Resources, SessionOptions, Surroundings,
};
use crate::app::config::{Config, ProcessEnvironment, Strings as _};
use crate::app::{Lifecycle, SandboxLimits, SandboxParts, Sandboxes};
use crate::ports::Ids as _;

/// What all that uses Docker shares.
pub(super) struct Docker {
    /// Whose containers they are.
    pub(super) instance: Instance,
    /// Makes them.
    pub(super) containers: Containers,
    /// Pulls what is missing.
    pub(super) images: Images,
    /// Installs packages.
    pub(super) dependencies: Dependencies,
}

impl Docker {
    /// Connects to nothing yet.
    pub(super) fn new(config: &Config, lifecycle: &Lifecycle) -> Self {
        let connection = Arc::new(Connection::new(surroundings(config)));
        let (tasks, stopped) = (&lifecycle.tasks, &lifecycle.stopped);
        let instance = Instance::new(&RandomIds.uuid());
        let containers = Containers::new(Arc::clone(&connection), tasks);
        let images = Images::new(connection, config.sandbox.images.clone(), tasks, stopped);
        let options = DependencyOptions {
            registry: config.docker.npm_registry.as_ref().map(ToString::to_string),
            extra_ca: config.docker.extra_ca_file.clone(),
            cache_bytes: config.docker.dependency_cache.bytes(),
        };
        let dependencies = Dependencies::new(
            containers.clone(),
            images.clone(),
            instance.clone(),
            options,
            tasks,
            stopped,
        );
        Self { instance, containers, images, dependencies }
    }

    /// Interactive sandboxes, and what tends them.
    pub(super) fn sandboxes(&self, config: &Config, lifecycle: &Lifecycle) -> Arc<Sandboxes> {
        let sandbox = &config.sandbox;
        let bridge = config.docker.session_network;
        let host = DockerSandboxes::new(
            self.containers.clone(),
            self.images.clone(),
            self.dependencies.clone(),
            self.instance.clone(),
            SessionOptions {
                network: if bridge { Network::Bridge } else { Network::None },
                resources: resources(config),
            },
            &lifecycle.tasks,
        );
        let sandboxes = Arc::new(Sandboxes::new(SandboxParts {
            host: Arc::new(host),
            ids: Arc::new(RandomIds),
            clock: Arc::new(SystemClock),
            limits: SandboxLimits {
                max: sandbox.max_sessions,
                idle: sandbox.session_timeout,
                output_bytes: sandbox.max_output_bytes,
                policy: config.tool_policy(),
            },
            lifecycle: lifecycle.clone(),
        }));
        lifecycle.tasks.spawn(Arc::clone(&sandboxes).tend());
        sandboxes
    }
}

/// What a container may use.
pub(super) fn resources(config: &Config) -> Resources {
    Resources {
        memory_bytes: config.sandbox.container_memory.bytes(),
        millicpus: config.sandbox.container_millicpus,
    }
}

fn surroundings(config: &Config) -> Surroundings {
    let ambient = |name| ProcessEnvironment.get(name).filter(|value| !value.is_empty());
    let docker = &config.docker;
    let home = || ambient(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    let runtime_dir = ambient("XDG_RUNTIME_DIR");
    Surroundings {
        host: docker.host.clone(),
        context: docker.context.clone(),
        tls_verify: docker.tls_verify,
        cert_path: docker.cert_path.clone(),
        config: docker
            .config
            .clone()
            .or_else(|| home().map(|home| Path::new(&home).join(".docker"))),
        ..Surroundings::new(runtime_dir.as_deref().map(Path::new))
    }
}
