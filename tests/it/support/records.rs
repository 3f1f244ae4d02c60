//! Records for tests of stores.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use dynamic_mcp::domain::Actor;
use dynamic_mcp::domain::tool::record::Edit;
use dynamic_mcp::domain::tool::{
    Change, EngineKind, Expected, Revision, ToolContent, ToolDraft, ToolName, ToolPolicy,
    ToolRecord,
};
use serde_json::json;

/// A time with milliseconds, so that losing them shows.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
        + TimeDelta::seconds(1_700_000_000 + seconds)
        + TimeDelta::milliseconds(123)
}

fn edit(actor: Actor, change: Change, seconds: i64) -> Edit {
    Edit { actor, change, at: at(seconds) }
}

pub(crate) fn name(name: &str) -> ToolName {
    ToolName::parse(name).unwrap()
}

/// The smallest content with this code.
fn content(code: &str) -> ToolContent {
    let draft = json!({ "name": "any.name", "description": "For a test.", "code": code });
    let draft: ToolDraft = serde_json::from_value(draft).unwrap();
    draft.check(&ToolPolicy::default()).unwrap().1
}

/// A new tool.
pub(crate) fn created(tool: &str, code: &str) -> Arc<ToolRecord> {
    recreated(tool, code, None)
}

/// A new tool whose name was used before, up to `last`.
pub(crate) fn recreated(tool: &str, code: &str, last: Option<Revision>) -> Arc<ToolRecord> {
    Arc::new(ToolRecord::create(
        name(tool),
        content(code),
        true,
        EngineKind::Embedded,
        last,
        edit(Actor::Local, Change::Create, 0),
    ))
}

/// The next revision.
pub(crate) fn revised(record: &ToolRecord, code: &str) -> Arc<ToolRecord> {
    let edit = edit(Actor::Admin, Change::Update, 1);
    let next =
        record.revise(content(code), true, EngineKind::Embedded, Expected::Any, edit).unwrap();
    Arc::new(next)
}

/// A new tool in which every field differs from its default.
pub(crate) fn full(tool: &str) -> Arc<ToolRecord> {
    let fields = json!({
        "title": "Ein Titel 🦀",
        "code": "return { text: `{\"\\u0000`, args }; // ünïcödé 🦀 \u{2028}",
        "inputSchema": {
            "type": "object",
            "$defs": { "b": { "$anchor": "x" }, "a": {} },
            "properties": {
                "z": { "type": "number", "multipleOf": 0.100_000_000_000_000_02, "maximum": 1.7e308 },
                "a": { "const": 9_007_199_254_740_993_u64, "x-mcp-header": "K" }
            },
            "required": ["z"]
        },
        "outputSchema": { "type": "object", "minimum": -0.0 },
        "annotations": { "title": "T", "readOnlyHint": true, "destructiveHint": false },
        "icons": [{
            "src": "https://example.com/i.png",
            "mimeType": "image/png",
            "sizes": ["any"],
            "theme": "dark"
        }],
        "tags": ["b", "a"],
        "engine": "docker",
        "image": "registry.example.com:5000/a/b:tag",
        "dependencies": [{ "name": "@scope/pkg", "version": "^1.2.3" }],
        "timeoutMs": 4321,
        "permissions": {
            "net": ["https://api.example.com"],
            "secrets": [{ "name": "API_KEY", "hosts": ["https://api.example.com"] }],
            "tools": ["text.*"]
        },
        "examples": [{ "name": "e", "args": { "z": 1.5 }, "result": [1, "2"] }, { "args": [] }]
    });
    let mut value = serde_json::to_value(content("any")).unwrap();
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let content = serde_json::from_value(value).unwrap();
    let edit = edit(Actor::Client("client-1".to_owned()), Change::Create, 0);
    Arc::new(ToolRecord::create(name(tool), content, false, EngineKind::Docker, None, edit))
}
