//! What benchmarks of stores fill them with.

use std::sync::Arc;

use chrono::DateTime;
use dynamic_mcp::domain::Actor;
use dynamic_mcp::domain::tool::record::Edit;
use dynamic_mcp::domain::tool::{Change, EngineKind, ToolDraft, ToolPolicy, ToolRecord};
use serde_json::json;

/// Tools in a full store.
pub(crate) const TOOLS: usize = 5_000;
/// The length of each one's code.
const CODE_BYTES: usize = 2_000;

/// A tool of its own.
pub(crate) fn tool(number: usize) -> Arc<ToolRecord> {
    let draft = json!({
        "name": format!("bench.tool.{number:05}"),
        "description": "A tool to measure with.",
        "code": format!("return {number}; // {}", "x".repeat(CODE_BYTES)),
        "inputSchema": { "type": "object", "properties": { "text": { "type": "string" } } },
    });
    let draft: ToolDraft = serde_json::from_value(draft).unwrap();
    let (name, content) = draft.check(&ToolPolicy::default()).unwrap();
    let edit = Edit { actor: Actor::Local, at: DateTime::UNIX_EPOCH, change: Change::Create };
    Arc::new(ToolRecord::create(name, content, true, EngineKind::Embedded, None, edit))
}
