//! `dynamic.tool.delete`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::GivenName;
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::tool::Revision;

pub(in super::super) struct Delete;

/// Which tool.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
    /// The revision that is to be deleted, 1 or more: at any other one nothing is changed. Default: whatever
    /// is newest.
    expected_revision: Option<Revision>,
}

/// What was deleted.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The documented name.
    name: String,
    /// Always true.
    deleted: bool,
}

impl Tool for Delete {
    const NAME: &'static str = "dynamic.tool.delete";
    const TITLE: &'static str = "Delete a tool";
    const ABOUT: &'static str = "Deletes a tool: it is no longer listed, and calls of it fail. To take it away only \
        for a while, disable it with dynamic.tool.enable. Pass the revision you last saw as expectedRevision, \
        so that a change you have not seen is not deleted with it.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: true, open_world: false };
    const ACTION: Action = Action::Manage;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let Input { name: GivenName(name), expected_revision } = input;
        let name = call.shared.app.catalog.delete(&name, expected_revision.into()).await?;
        Ok(Json::new(Output { name: name.to_string(), deleted: true }))
    }
}
