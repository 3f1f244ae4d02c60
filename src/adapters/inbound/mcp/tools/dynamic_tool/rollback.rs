//! `dynamic.tool.rollback`.

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
use crate::domain::tool::Revision;

pub(in super::super) struct Rollback;

/// Which tool, and where to.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
    /// The revision whose definition is brought back, 1 or more; dynamic.tool.history shows those that are
    /// kept.
    to_revision: Revision,
    /// The revision that the change is meant for, 1 or more: at any other one nothing is changed. Default:
    /// whatever is newest.
    expected_revision: Option<Revision>,
}

impl Tool for Rollback {
    const NAME: &'static str = "dynamic.tool.rollback";
    const TITLE: &'static str = "Go back to an old revision";
    const ABOUT: &'static str = "Brings back the definition that a tool had at an old revision. This is a new revision, \
        so that nothing is lost and the rollback itself can be undone; whether the tool is enabled stays as it \
        is. The old definition has to keep the rules that hold now. Pass the revision you last saw as \
        expectedRevision, so that a change you have not seen is not undone.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false };
    const ACTION: Action = Action::Manage;
    type Input = Input;
    type Output = Json<OneTool>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<OneTool>, AppError> {
        let Input { name: GivenName(name), to_revision, expected_revision } = input;
        let catalog = &call.shared.app.catalog;
        let record = with_sink(call.exchange, Self::NAME, async |sink| {
            let author = Author::new(call.actor.clone(), sink);
            catalog.rollback(author, &name, to_revision, expected_revision.into()).await
        })
        .await?;
        let hint = Some(how_to_call(&record, call.exchange.spelling));
        Ok(Json { value: OneTool { tool: ToolView::of(&record, false) }, hint })
    }
}
