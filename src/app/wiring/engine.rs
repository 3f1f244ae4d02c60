//! Which engines.

use std::path::Path;
use std::sync::Arc;

use super::WiringError;
#[cfg(not(all(feature = "docker", feature = "embedded")))]
use crate::app::config::ConfigError;
use crate::app::config::{Config, Engine as Preference};
use crate::app::{Engines, Lifecycle};
use crate::domain::tool::EngineChoice;
use crate::ports::Engine;

/// The engines that this build has, in the order in which `auto` prefers them. They get ready in the background;
/// only a daemon that was asked for by name is waited for.
pub(super) async fn engines(
    config: &Config,
    worker: &Path,
    lifecycle: &Lifecycle,
) -> Result<Engines, WiringError> {
    let preference = match config.sandbox.engine {
        Preference::Auto => EngineChoice::Auto,
        Preference::Embedded => EngineChoice::Embedded,
        Preference::Docker => EngineChoice::Docker,
    };
    let docker = docker(config, lifecycle).await?;
    let embedded = embedded(config, worker, lifecycle)?;
    Ok(Engines::new(docker.into_iter().chain(embedded).collect(), preference))
}

#[cfg(feature = "embedded")]
#[expect(clippy::unnecessary_wraps, reason = "its twin without the feature can fail")]
fn embedded(
    config: &Config,
    worker: &Path,
    lifecycle: &Lifecycle,
) -> Result<Option<Arc<dyn Engine>>, WiringError> {
    use crate::adapters::outbound::engine::embedded::{EmbeddedConfig, EmbeddedEngine};

    let sandbox = &config.sandbox;
    let embedded = EmbeddedConfig {
        memory_bytes: usize::try_from(sandbox.embedded_memory.bytes()).unwrap_or(usize::MAX),
        allow_weak: sandbox.allow_weak,
        ..EmbeddedConfig::new(worker)
    };
    let engine = EmbeddedEngine::start(embedded, &lifecycle.tasks, &lifecycle.stopped);
    Ok(Some(Arc::new(engine)))
}

#[cfg(not(feature = "embedded"))]
fn embedded(
    config: &Config,
    _worker: &Path,
    _lifecycle: &Lifecycle,
) -> Result<Option<Arc<dyn Engine>>, WiringError> {
    match config.sandbox.engine {
        Preference::Embedded => Err(not_compiled(Preference::Embedded, "embedded")),
        Preference::Auto | Preference::Docker => Ok(None),
    }
}

#[cfg(feature = "docker")]
async fn docker(
    config: &Config,
    lifecycle: &Lifecycle,
) -> Result<Option<Arc<dyn Engine>>, WiringError> {
    use crate::adapters::outbound::clock::RandomIds;
    use crate::adapters::outbound::docker::labels::Instance;
    use crate::adapters::outbound::docker::{
        Connection, Containers, Dependencies, DependencyOptions, Images, Resources, Surroundings,
    };
    use crate::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, Means};
    use crate::app::config::source::{ProcessEnvironment, Strings as _};
    use crate::ports::Ids as _;

    let (sandbox, docker) = (&config.sandbox, config.docker.clone());
    let runtime_dir = ProcessEnvironment.get("XDG_RUNTIME_DIR");
    let home = std::env::home_dir().map(|home| home.join(".docker"));
    let connection = Arc::new(Connection::new(Surroundings {
        host: docker.host,
        context: docker.context,
        tls_verify: docker.tls_verify,
        cert_path: docker.cert_path,
        config: docker.config.or(home),
        ..Surroundings::new(runtime_dir.as_deref().map(Path::new))
    }));
    if sandbox.engine == Preference::Docker {
        connection.probe().await.map_err(|error| WiringError::start(&error))?;
    }
    let instance = Instance::new(&RandomIds.uuid());
    let (tasks, stopped) = (&lifecycle.tasks, &lifecycle.stopped);
    let containers = Containers::new(Arc::clone(&connection), tasks);
    let images = Images::new(connection, sandbox.images.clone(), tasks, stopped);
    let options = DependencyOptions { registry: None, extra_ca: None, cache_bytes: 2 << 30 };
    let dependencies = Dependencies::new(
        containers.clone(),
        images.clone(),
        instance.clone(),
        options,
        tasks,
        stopped,
    );
    let config = DockerConfig {
        instance,
        resources: Resources {
            memory_bytes: sandbox.container_memory.bytes(),
            millicpus: sandbox.container_millicpus,
        },
        image: sandbox.images.default_image(),
        spares: sandbox.pool_size,
        prepared: sandbox.engine != Preference::Embedded,
    };
    let means = Means { containers, images, dependencies };
    Ok(Some(Arc::new(DockerEngine::start(config, means, tasks, stopped))))
}

#[cfg(not(feature = "docker"))]
#[expect(clippy::unused_async, reason = "its twin with the feature waits")]
async fn docker(
    config: &Config,
    _lifecycle: &Lifecycle,
) -> Result<Option<Arc<dyn Engine>>, WiringError> {
    match config.sandbox.engine {
        Preference::Docker => Err(not_compiled(Preference::Docker, "docker")),
        Preference::Auto | Preference::Embedded => Ok(None),
    }
}

#[cfg(not(all(feature = "docker", feature = "embedded")))]
fn not_compiled(engine: Preference, feature: &'static str) -> WiringError {
    let asked = format!("MCP_EXECUTION_ENGINE={}", engine.as_str());
    ConfigError::NotCompiled { asked, feature }.into()
}
