//! Which engines.

use std::path::Path;

use super::WiringError;
use crate::app::config::{Config, ConfigError, Engine as Preference};
use crate::app::{Engines, Lifecycle};
use crate::domain::tool::EngineChoice;

#[cfg(feature = "embedded")]
pub(super) fn engines(
    config: &Config,
    worker: &Path,
    lifecycle: &Lifecycle,
) -> Result<Engines, WiringError> {
    use std::sync::Arc;

    use crate::adapters::outbound::engine::embedded::{EmbeddedConfig, EmbeddedEngine};

    let sandbox = &config.sandbox;
    let embedded = EmbeddedConfig {
        memory_bytes: usize::try_from(sandbox.embedded_memory.bytes()).unwrap_or(usize::MAX),
        allow_weak: sandbox.allow_weak,
        ..EmbeddedConfig::new(worker)
    };
    let engine = EmbeddedEngine::start(embedded, &lifecycle.tasks, &lifecycle.stopped);
    Ok(Engines::new(vec![Arc::new(engine)], preference(config)?))
}

#[cfg(not(feature = "embedded"))]
pub(super) fn engines(
    config: &Config,
    _worker: &Path,
    _lifecycle: &Lifecycle,
) -> Result<Engines, WiringError> {
    if config.sandbox.engine == Preference::Embedded {
        return Err(not_compiled(config.sandbox.engine, "embedded"));
    }
    Ok(Engines::new(vec![], preference(config)?))
}

fn preference(config: &Config) -> Result<EngineChoice, WiringError> {
    match config.sandbox.engine {
        Preference::Auto => Ok(EngineChoice::Auto),
        Preference::Embedded => Ok(EngineChoice::Embedded),
        Preference::Docker => Err(not_compiled(Preference::Docker, "docker")),
    }
}

fn not_compiled(engine: Preference, feature: &'static str) -> WiringError {
    let asked = format!("MCP_EXECUTION_ENGINE={}", engine.as_str());
    ConfigError::NotCompiled { asked, feature }.into()
}
