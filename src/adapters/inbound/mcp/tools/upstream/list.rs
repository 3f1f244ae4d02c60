//! `upstream.mcp.list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::AttachedView;
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct List;

/// Nothing to be said.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {}

/// Every attached server.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The servers, sorted by alias.
    upstreams: Vec<AttachedView>,
}

impl Tool for List {
    const NAME: &'static str = "upstream.mcp.list";
    const TITLE: &'static str = "List attached MCP servers";
    const ABOUT: &'static str = "Shows the servers that were attached with upstream.mcp.attach: whether each is \
        connected and if not why, and its tools. Never shows the values of headers, environment variables or arguments. \
        Administrators only.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ACTION: Action = Action::InspectAttached;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, _: Input) -> Result<Json<Output>, AppError> {
        let attached = super::upstreams(call)?.list();
        Ok(Json::new(Output { upstreams: attached.into_iter().map(Into::into).collect() }))
    }
}
