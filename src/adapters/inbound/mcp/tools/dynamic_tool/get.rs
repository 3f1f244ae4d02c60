//! `dynamic.tool.get`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::GivenName;
use super::view::{OneTool, ToolView};
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct Get;

/// Which tool.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
}

impl Tool for Get {
    const NAME: &'static str = "dynamic.tool.get";
    const TITLE: &'static str = "Show a tool";
    const ABOUT: &'static str = "Shows one tool with its code, schemas, settings and revision, whether it is enabled \
        or not. Use it before dynamic.tool.update.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ACTION: Action = Action::Inspect;
    type Input = Input;
    type Output = Json<OneTool>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<OneTool>, AppError> {
        let tool = call.shared.app.catalog.get(&input.name.0)?;
        Ok(Json::new(OneTool { tool: ToolView::of(tool.record(), true) }))
    }
}
