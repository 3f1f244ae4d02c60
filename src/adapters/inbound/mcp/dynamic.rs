//! Dynamic tools: a record as clients see it, and a call of one.

use std::sync::{Arc, LazyLock};

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::exchange::Exchange;
use super::feed::with_sink;
use super::relay;
use super::reply::{self, Declared};
use super::server::Shared;
use crate::app::{AppError, CallContext, CallResult};
use crate::domain::text::echo;
use crate::domain::tool::{Annotations, ToolContent, ToolRecord};

/// The arguments of a tool without an `inputSchema`.
static ANY_ARGS: LazyLock<Arc<JsonObject>> = LazyLock::new(|| {
    let schema = json!({
        "type": "object",
        "properties": {
            "args": {
                "type": "object",
                "description": "The tool's arguments; its description says which. Default: {}.",
                "additionalProperties": true,
            },
        },
    });
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
});

/// A record as `tools/list` shows it, under this name.
pub(super) fn definition(record: &ToolRecord, shown: String) -> Tool {
    let content = &record.content;
    let mut tool = Tool::new(shown, content.description.clone(), input_schema(content));
    tool.title.clone_from(&content.title);
    tool.output_schema = content.output_schema.as_ref().map(|schema| Arc::clone(schema.as_map()));
    tool.annotations = content.annotations.as_ref().map(annotations);
    if !content.icons.is_empty() {
        // The two types have the same fields, so that this can't fail.
        tool.icons = serde_json::to_value(&content.icons).and_then(serde_json::from_value).ok();
    }
    tool
}

/// The schema of a tool's arguments as clients see it.
pub(super) fn input_schema(content: &ToolContent) -> Arc<JsonObject> {
    Arc::clone(content.input_schema.as_ref().map_or(&*ANY_ARGS, |schema| schema.as_map()))
}

fn annotations(annotations: &Annotations) -> ToolAnnotations {
    ToolAnnotations::from_raw(
        annotations.title.clone(),
        annotations.read_only_hint,
        annotations.destructive_hint,
        annotations.idempotent_hint,
        annotations.open_world_hint,
    )
}

/// A name that nobody has is misuse of the protocol.
pub(super) fn unknown(exchange: &Exchange, name: &str) -> ErrorData {
    let clipped = echo(name);
    let list = exchange.spelling.text("dynamic.tool.list");
    let message = format!("Unknown tool: '{clipped}'; {list} shows those that exist");
    ErrorData::invalid_params(message, None)
}

/// A call of the tool of this documented name.
pub(super) async fn call(
    shared: &Shared,
    exchange: &Exchange,
    name: &str,
    arguments: Option<Map<String, Value>>,
) -> CallToolResult {
    let tool = shared.app.catalog.get(name);
    let declares_output = tool.is_ok_and(|tool| tool.record().content.output_schema.is_some());
    let declared = if declares_output { Declared::Own } else { Declared::Ours };
    match run(shared, exchange, name, arguments).await {
        Ok(result) => reply::ran(result, exchange.spelling, declared),
        Err(error) => {
            reply::failed(&error, exchange.started.elapsed(), exchange.spelling, declared)
        }
    }
}

/// Runs the tool of this documented name.
pub(super) async fn run(
    shared: &Shared,
    exchange: &Exchange,
    name: &str,
    arguments: Option<Map<String, Value>>,
) -> Result<CallResult, AppError> {
    with_sink(exchange, name, async |sink| {
        let caller = exchange.caller.clone();
        let context = CallContext { caller, sink, cancel: exchange.cancel.clone() };
        shared.app.runner.call(context, name, arguments).await
    })
    .await
}

/// The definition of the tool that a client means by `name`, if there is one.
pub(super) fn find(shared: &Shared, name: &str) -> Option<Tool> {
    let snapshot = shared.app.catalog.snapshot();
    match snapshot.find(name) {
        Some(tool) => {
            let enabled = tool.record().enabled;
            enabled.then(|| definition(tool.record(), name.to_owned()))
        }
        None => relay::definition(snapshot.mounts().find(name)?.mounted(), name.to_owned()),
    }
}
