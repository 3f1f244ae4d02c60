//! `upstream.mcp.detach`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct Detach;

/// Which server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The alias it is attached as, 1 to 32 characters.
    alias: String,
}

/// What was detached.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The alias.
    alias: String,
    /// Always true.
    detached: bool,
}

impl Tool for Detach {
    const NAME: &'static str = "upstream.mcp.detach";
    const TITLE: &'static str = "Detach an MCP server";
    const ABOUT: &'static str = "Takes the tools of an attached server away, closes the connection and ends its program \
        with everything that it started. Calls of its tools that run fail. Administrators only.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: true, open_world: false };
    const ACTION: Action = Action::Attach;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let alias = super::upstreams(call)?.detach(&input.alias).await?;
        Ok(Json::new(Output { alias: alias.to_string(), detached: true }))
    }
}
