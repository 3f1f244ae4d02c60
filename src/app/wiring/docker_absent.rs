//! What stands in for Docker in a build without it.

use std::sync::Arc;

use super::{WiringError, engine};
use crate::app::config::{Config, Engine as Preference};
use crate::app::{Lifecycle, Sandboxes};
use crate::ports::Engine;

/// No Docker.
pub(super) struct Docker;

impl Docker {
    pub(super) const fn new(_: &Config, _: &Lifecycle) -> Self {
        Self
    }

    /// None, and that is an error where it was asked for by name.
    #[expect(clippy::unused_async, reason = "its twin with the feature waits")]
    pub(super) async fn engine(
        &self,
        config: &Config,
        _: &Lifecycle,
    ) -> Result<Option<Arc<dyn Engine>>, WiringError> {
        match config.sandbox.engine {
            Preference::Docker => Err(engine::not_compiled(Preference::Docker, "docker")),
            Preference::Auto | Preference::Embedded => Ok(None),
        }
    }

    /// None.
    #[expect(clippy::unused_self, reason = "its twin with the feature needs it")]
    pub(super) const fn sandboxes(&self, _: &Config, _: &Lifecycle) -> Option<Arc<Sandboxes>> {
        None
    }
}
