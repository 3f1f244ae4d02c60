//! `sandbox.stop`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct Stop;

/// Which session.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The session, as sandbox.initialize named it.
    session_id: String,
}

/// A session that was stopped.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Output {
    /// The session.
    session_id: String,
    /// Always true: a session that isn't yours is an error.
    stopped: bool,
}

impl Tool for Stop {
    const NAME: &'static str = "sandbox.stop";
    const TITLE: &'static str = "Stop a sandbox session";
    const ABOUT: &'static str =
        "Ends a session of sandbox.initialize with all that runs in it, and removes its files.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false };
    const ACTION: Action = Action::Sandbox;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let stopped = super::sandboxes(call)?.stop(&call.exchange.caller, &input.session_id)?;
        Ok(Json::new(Output { session_id: stopped.to_string(), stopped: true }))
    }
}
