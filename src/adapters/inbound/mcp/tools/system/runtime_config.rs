//! `system.runtime_config`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Guarded, Hints, Tool};
use crate::app::{AppError, RuntimeConfig};

pub(in super::super) struct ShowConfig;

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {}

impl Tool for ShowConfig {
    const NAME: &'static str = "system.runtime_config";
    const TITLE: &'static str = "Server configuration";
    const ABOUT: &'static str = "Shows how the server is set up: transports, store, limits and sandbox, without any \
        secret. Look here to learn what is allowed, such as the longest timeout or the number of dependencies.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const GUARDED: Guarded = Guarded::Elsewhere;
    type Input = Input;
    type Output = Json<RuntimeConfig>;

    async fn call(call: &Call<'_>, _: Input) -> Result<Json<RuntimeConfig>, AppError> {
        Ok(Json::new(call.shared.app.system.runtime_config()))
    }
}
