//! `dynamic.tool.enable`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::GivenName;
use super::create::how_to_call;
use super::view::{OneTool, ToolView};
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::tool::Revision;

pub(in super::super) struct Enable;

/// Which tool, and what it is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
    /// true: the tool is listed and callable; false: it is kept, but neither.
    enabled: bool,
    /// The revision that the change is meant for, 1 or more: at any other one nothing is changed. Default:
    /// whatever is newest.
    expected_revision: Option<Revision>,
}

impl Tool for Enable {
    const NAME: &'static str = "dynamic.tool.enable";
    const TITLE: &'static str = "Enable or disable a tool";
    const ABOUT: &'static str = "Enables or disables a tool. A disabled tool is kept with its history, but it is not \
        listed and can't be called until it is enabled again. The change is a new revision.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: false, idempotent: false, open_world: false };
    const ACTION: Action = Action::Manage;
    type Input = Input;
    type Output = Json<OneTool>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<OneTool>, AppError> {
        let Input { name: GivenName(name), enabled, expected_revision } = input;
        let actor = call.actor.clone();
        let catalog = &call.shared.app.catalog;
        let record = catalog.set_enabled(actor, &name, enabled, expected_revision.into()).await?;
        let hint = Some(how_to_call(&record, call.exchange.spelling));
        Ok(Json { value: OneTool { tool: ToolView::of(&record, false) }, hint })
    }
}
