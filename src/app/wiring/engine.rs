//! Which engines.

use std::path::Path;
use std::sync::Arc;

use super::WiringError;
use super::docker::Docker;
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
    docker: &Docker,
    lifecycle: &Lifecycle,
) -> Result<Engines, WiringError> {
    let preference = match config.sandbox.engine {
        Preference::Auto => EngineChoice::Auto,
        Preference::Embedded => EngineChoice::Embedded,
        Preference::Docker => EngineChoice::Docker,
    };
    let docker = docker.engine(config, lifecycle).await?;
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

#[cfg(not(all(feature = "docker", feature = "embedded")))]
pub(super) fn not_compiled(engine: Preference, feature: &'static str) -> WiringError {
    let asked = format!("MCP_EXECUTION_ENGINE={}", engine.as_str());
    ConfigError::NotCompiled { asked, feature }.into()
}
