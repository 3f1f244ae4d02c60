//! Docker: one connection, and what is built on it for the engine and for sessions.

use std::path::Path;
use std::sync::Arc;

use super::WiringError;
use crate::adapters::outbound::clock::{RandomIds, SystemClock};
use crate::adapters::outbound::docker::labels::Instance;
use crate::adapters::outbound::docker::{
    Connection, Containers, Dependencies, DependencyOptions, DockerEnvironment, DockerSandboxes,
    Images, Network, Resources, SessionOptions,
};
use crate::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, DockerParts};
use crate::app::config::{Config, Engine as Preference, ProcessEnvironment, Strings as _};
use crate::app::{Lifecycle, SandboxLimits, SandboxParts, Sandboxes};
use crate::ports::{Engine, Ids as _};

/// What all that uses Docker shares.
pub(super) struct Docker {
    connection: Arc<Connection>,
    /// Whose containers they are.
    instance: Instance,
    /// Makes them.
    containers: Containers,
    /// Pulls what is missing.
    images: Images,
    /// Installs packages.
    dependencies: Dependencies,
}

impl Docker {
    /// Connects to nothing yet.
    pub(super) fn new(config: &Config, lifecycle: &Lifecycle) -> Self {
        let connection = Arc::new(Connection::new(environment(config)));
        let (tasks, stopped) = (&lifecycle.tasks, &lifecycle.stopped);
        let instance = Instance::new(&RandomIds.uuid());
        let containers = Containers::new(Arc::clone(&connection), tasks);
        let images =
            Images::new(Arc::clone(&connection), config.sandbox.images.clone(), tasks, stopped);
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
        Self { connection, instance, containers, images, dependencies }
    }

    /// The engine. Only a daemon that was asked for by name is waited for.
    pub(super) async fn engine(
        &self,
        config: &Config,
        lifecycle: &Lifecycle,
    ) -> Result<Option<Arc<dyn Engine>>, WiringError> {
        let sandbox = &config.sandbox;
        if sandbox.engine == Preference::Docker {
            self.connection.probe().await.map_err(|error| WiringError::start(&error))?;
        }
        let docker = DockerConfig {
            instance: self.instance.clone(),
            resources: resources(config),
            image: sandbox.images.default_image(),
            spares: sandbox.pool_size,
            prepared: sandbox.engine != Preference::Embedded,
        };
        let parts = DockerParts {
            containers: self.containers.clone(),
            images: self.images.clone(),
            dependencies: self.dependencies.clone(),
        };
        let engine = DockerEngine::start(docker, parts, &lifecycle.tasks, &lifecycle.stopped);
        Ok(Some(Arc::new(engine)))
    }

    /// Interactive sandboxes, and what tends them.
    #[expect(clippy::unnecessary_wraps, reason = "builds without Docker have none")]
    pub(super) fn sandboxes(
        &self,
        config: &Config,
        lifecycle: &Lifecycle,
    ) -> Option<Arc<Sandboxes>> {
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
        Some(sandboxes)
    }
}

/// What a container may use.
fn resources(config: &Config) -> Resources {
    Resources {
        memory_bytes: config.sandbox.container_memory.bytes(),
        millicpus: config.sandbox.container_millicpus,
    }
}

fn environment(config: &Config) -> DockerEnvironment {
    let ambient = |name| ProcessEnvironment.get(name).filter(|value| !value.is_empty());
    let docker = &config.docker;
    let home = || ambient(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    let runtime_dir = ambient("XDG_RUNTIME_DIR");
    DockerEnvironment {
        host: docker.host.clone(),
        context: docker.context.clone(),
        tls_verify: docker.tls_verify,
        cert_path: docker.cert_path.clone(),
        config: docker
            .config
            .clone()
            .or_else(|| home().map(|home| Path::new(&home).join(".docker"))),
        ..DockerEnvironment::new(runtime_dir.as_deref().map(Path::new))
    }
}
