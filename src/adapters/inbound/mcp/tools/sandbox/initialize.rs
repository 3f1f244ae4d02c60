//! `sandbox.initialize`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::text::millis;

pub(in super::super) struct Initialize;

/// What kind of sandbox.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The container image, such as `node:lts-slim`; only those that the operator allows. Default: the first of them.
    #[serde(default)]
    image: Option<String>,
    /// After how many milliseconds without use the session ends, 1,000 or more. Default: the operator's limit,
    /// usually 1,800,000, which is also the most.
    #[serde(default)]
    #[schemars(range(min = 1000))]
    timeout_ms: Option<u64>,
}

/// A session that was started.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Output {
    /// The session's name, for the other `sandbox` tools; nobody else can use it.
    session_id: String,
    /// The image it runs.
    image: String,
    /// After how many milliseconds without use it ends.
    timeout_ms: u64,
}

impl Tool for Initialize {
    const NAME: &'static str = "sandbox.initialize";
    const TITLE: &'static str = "Start a sandbox session";
    const ABOUT: &'static str = "Starts a container for shell commands and JavaScript that build on each other: files in \
        /workspace stay from one call to the next, until the session is stopped or idle for too long. Everything else is \
        read-only, and there is no network unless the operator opened it. Use sandbox.exec and sandbox.run_js with the \
        sessionId, and sandbox.stop when you are done. For a single computation use run_js_ephemeral instead.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: false, idempotent: false, open_world: false };
    const ACTION: Action = Action::Sandbox;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let sandboxes = super::sandboxes(call)?;
        let caller = &call.exchange.caller;
        let made = sandboxes.initialize(caller, input.image.as_deref(), input.timeout_ms).await?;
        Ok(Json::new(Output {
            session_id: made.id.to_string(),
            image: made.image.to_string(),
            timeout_ms: millis(made.idle),
        }))
    }
}
