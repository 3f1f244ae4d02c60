//! `dynamic.tool.list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::ToolView;
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct List;

/// What to show.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// Whether each tool comes with its code, which can be long. Default: false.
    #[serde(default)]
    include_code: bool,
}

/// Every dynamic tool.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The tools sorted by name, disabled ones included.
    tools: Vec<ToolView>,
}

impl Tool for List {
    const NAME: &'static str = "dynamic.tool.list";
    const TITLE: &'static str = "List dynamic tools";
    const ABOUT: &'static str = "Shows every tool that was made here with its revision, schemas and settings, disabled \
        ones included; without code unless includeCode is true. dynamic.tool.get shows a single one.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ACTION: Action = Action::Inspect;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let snapshot = call.shared.app.catalog.snapshot();
        let view = |tool: &std::sync::Arc<crate::app::Tool>| {
            ToolView::of(tool.record(), input.include_code)
        };
        Ok(Json::new(Output { tools: snapshot.tools().map(view).collect() }))
    }
}
