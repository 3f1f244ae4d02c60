//! `dynamic.tool.call`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::super::answer::Ran;
use super::super::super::tool::{Call, Guarded, Hints, Tool};
use super::super::super::{dynamic, relay};
use super::argument::GivenName;
use crate::app::AppError;

pub(in super::super) struct CallTool;

/// Which tool, and with what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling.
    name: GivenName,
    /// The tool's arguments, as its inputSchema wants them; without an inputSchema, {"args": {...}}.
    /// Default: {}.
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl Tool for CallTool {
    const NAME: &'static str = "dynamic.tool.call";
    const TITLE: &'static str = "Call a dynamic tool";
    const ABOUT: &'static str = "Calls a tool made with dynamic.tool.create, by its name, and answers as that tool \
        does. Use it when the tool is not in your list of tools, for instance because the list was not read \
        again after the tool was made.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: true };
    const GUARDED: Guarded = Guarded::Elsewhere;
    type Input = Input;
    type Output = Ran;

    async fn call(call: &Call<'_>, input: Input) -> Result<Ran, AppError> {
        let Input { name: GivenName(given), arguments } = input;
        if let Some(builtin) = call.shared.builtin(&given) {
            let message = format!("{} is built in: call it directly", builtin.name);
            return Err(AppError::invalid_input(message));
        }
        let name = call.shared.resolve(&given, call.exchange.spelling).unwrap_or(given);
        if let Some(tool) = call.shared.mounted(&name) {
            let relayed = relay::call_once(call.shared, call.exchange, &tool, arguments).await;
            return relayed.map(Ran::Relayed);
        }
        dynamic::run(call.shared, call.exchange, &name, Some(arguments)).await.map(Ran::Code)
    }
}
