//! `sandbox.session.list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::tool::record::rfc3339;

pub(in super::super) struct SessionList;

/// Nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {}

/// The sessions that you started.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The sessions.
    sessions: Vec<SessionView>,
}

/// One session.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    /// Its name.
    id: String,
    /// The image it runs.
    image: String,
    /// When it was started: RFC 3339, UTC.
    created_at: String,
    /// When it was used last: RFC 3339, UTC.
    last_used_at: String,
}

impl Tool for SessionList {
    const NAME: &'static str = "sandbox.session.list";
    const TITLE: &'static str = "List your sandbox sessions";
    const ABOUT: &'static str =
        "Lists the sessions of sandbox.initialize that you started and that still run.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ACTION: Action = Action::Sandbox;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, Input {}: Input) -> Result<Json<Output>, AppError> {
        let sessions = super::sandboxes(call)?.list(&call.exchange.caller);
        let view = |session: crate::app::sandboxes::SandboxView| SessionView {
            id: session.id.to_string(),
            image: session.image.to_string(),
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.last_used_at),
        };
        Ok(Json::new(Output { sessions: sessions.into_iter().map(view).collect() }))
    }
}
