//! `dynamic.tool.update`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Json;
use super::super::super::feed::with_sink;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::GivenName;
use super::create::how_to_call;
use super::view::{OneTool, ToolView};
use crate::app::{AppError, Author};
use crate::domain::Action;
use crate::domain::tool::{Revision, ToolPatch};

pub(in super::super) struct Update;

/// What to change.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
    /// The fields to change; what is left out stays, null clears an optional field.
    patch: ToolPatch,
    /// The revision that the change is meant for, 1 or more: at any other one nothing is changed. Default:
    /// whatever is newest.
    expected_revision: Option<Revision>,
}

impl Tool for Update {
    const NAME: &'static str = "dynamic.tool.update";
    const TITLE: &'static str = "Update a tool";
    const ABOUT: &'static str = "Changes fields of a tool; what the patch leaves out stays as it is. The change is a \
        new revision and holds from the next call. Pass the revision you last saw as expectedRevision: if \
        somebody changed the tool meanwhile, nothing happens and the error revision_conflict gives expected and \
        actual; read it again with dynamic.tool.get, and repeat the change on that.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false };
    const ACTION: Action = Action::Manage;
    type Input = Input;
    type Output = Json<OneTool>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<OneTool>, AppError> {
        let Input { name: GivenName(name), patch, expected_revision } = input;
        let catalog = &call.shared.app.catalog;
        let record = with_sink(call.exchange, Self::NAME, async |sink| {
            let author = Author::new(call.actor.clone(), sink);
            catalog.update(author, &name, patch, expected_revision.into()).await
        })
        .await?;
        let hint = Some(how_to_call(&record, call.exchange.spelling));
        Ok(Json { value: OneTool { tool: ToolView::of(&record, false) }, hint })
    }
}
