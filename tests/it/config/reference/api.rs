//! `docs/api-reference.md` is what clients are shown, written down: made from what the server answers.

use std::fmt::Write as _;
use std::sync::Arc;

use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::builtin::BUILTINS;
use dynamic_mcp::domain::tool::ToolDraft;
use serde_json::{Value, json};

use super::current;
use crate::support::app::TestApp;
use crate::support::client::Served;
use crate::support::upstreams::{Nobody, attaching};

const INTRODUCTION: &str = "\
# API reference

This page is made from the types of the built-in tools; `UPDATE_DOCS=1 cargo test --test it config::reference`
writes it anew. What tools may do, and what `ctx` offers to their code, is in [dynamic-tools.md](dynamic-tools.md); how
clients are set up in [clients.md](clients.md).

Every name is accepted as it stands here and in its client-safe spelling, with `_` in the place of `.`. A tool's
output is its `structuredContent`, and the same as text in `content[0]`. A `?` marks what may be left out. Unknown
fields are refused. Where `MCP_ADMIN_TOKEN` is set, tools with the field `adminToken` need it. `upstream.mcp.*` are there where
`MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH` is on, and are for administrators only: [upstreams.md](upstreams.md).

A call that fails is a result with `isError: true`, a sentence as text and, as `structuredContent`,
`{ok: false, code, error, retryable, durationMs, details?}`; `code` is one of [these](#error-codes). Misuse of the protocol is a
JSON-RPC error.
";

#[tokio::test]
async fn the_page_is_current() {
    let kept = Arc::new(MemoryAttachments::new());
    let test = attaching(TestApp::new(), Arc::new(Nobody), kept, 8);
    let mut served = Served::enterprise(test).await;
    let client = &mut served.client;
    let listed = client.request("tools/list", json!({})).await;
    let resources = client.request("resources/list", json!({})).await;
    let prompts = client.request("prompts/list", json!({})).await;

    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Tools\n\n| tool | what it is | profile |\n| --- | --- | --- |\n");
    let tools = listed["result"]["tools"].as_array().unwrap();
    for tool in tools {
        let name = text(tool, "name");
        let anchor = name.replace(['.', ' '], "");
        let profile = profile(name);
        writeln!(page, "| [`{name}`](#{anchor}) | {} | {profile} |", text(tool, "title")).unwrap();
    }
    for tool in tools {
        describe(&mut page, tool);
    }
    page.push_str("\n## Resources\n\nIn the enterprise profile; each is JSON.\n\n| URI | name | |\n| --- | --- | --- |\n");
    for resource in resources["result"]["resources"].as_array().unwrap() {
        let (uri, name) = (text(resource, "uri"), text(resource, "name"));
        writeln!(page, "| `{uri}` | `{name}` | {} |", text(resource, "description")).unwrap();
    }
    page.push_str("\n## Prompts\n\nIn the enterprise profile; `completion/complete` completes the arguments.\n\n");
    page.push_str("| prompt | arguments | |\n| --- | --- | --- |\n");
    for prompt in prompts["result"]["prompts"].as_array().unwrap() {
        let arguments = prompt["arguments"].as_array().unwrap();
        let names: Vec<_> =
            arguments.iter().map(|argument| format!("`{}`", text(argument, "name"))).collect();
        let (name, about) = (text(prompt, "name"), text(prompt, "description"));
        writeln!(page, "| `{name}` | {} | {about} |", names.join(", ")).unwrap();
    }
    page.push_str(
        "\n## Error codes\n\nThe list is closed.\n\n| code | retryable | |\n| --- | --- | --- |\n",
    );
    let schema = schemars::schema_for!(ErrorCode).to_value();
    for choice in schema["oneOf"].as_array().unwrap() {
        let code: ErrorCode = serde_json::from_value(choice["const"].clone()).unwrap();
        let retryable = if code.retryable() { "yes" } else { "no" };
        let about = text(choice, "description").replace('\n', " ");
        writeln!(page, "| `{}` | {retryable} | {about} |", code.as_str()).unwrap();
    }
    page.push_str(
        "\n## HTTP\n\n| route | |\n| --- | --- |\n\
         | `POST`, `GET`, `DELETE` on `MCP_PATH` (`/mcp`) | MCP |\n\
         | `GET /livez` | whether the process runs; anonymous |\n\
         | `GET /readyz` | whether it can work, and what is missing; anonymous |\n\
         | `GET /metrics` | measurements in the Prometheus text format; anonymous |\n\
         | `GET /.well-known/oauth-protected-resource` | RFC 9728, where `MCP_AUTH_MODE=jwt` |\n",
    );
    current("docs/api-reference.md", &page);
}

/// The page's own words about a draft are the type's: none of its fields is missing.
#[test]
fn a_draft_has_no_field_that_is_not_described() {
    let schema = schemars::schema_for!(ToolDraft).to_value();
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].is_string(), "{name}");
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn profile(name: &str) -> &'static str {
    BUILTINS.iter().find(|builtin| builtin.name == name).unwrap().profile.as_str()
}

fn describe(page: &mut String, tool: &Value) {
    let (name, about) = (text(tool, "name"), text(tool, "description"));
    writeln!(page, "\n### `{name}`\n\n{about}\n").unwrap();
    let hints = [
        ("readOnlyHint", "read-only"),
        ("destructiveHint", "destructive"),
        ("idempotentHint", "idempotent"),
        ("openWorldHint", "open world"),
    ];
    let hints = hints.iter().filter(|(hint, _)| tool["annotations"][*hint] == true);
    let hints: Vec<_> = hints.map(|(_, word)| *word).collect();
    let hints = if hints.is_empty() { "none".to_owned() } else { hints.join(", ") };
    writeln!(page, "Profile: {}. Hints: {hints}.", profile(name)).unwrap();
    table(page, "Input", &tool["inputSchema"]);
    table(page, "Output", &tool["outputSchema"]);
}

fn table(page: &mut String, title: &str, schema: &Value) {
    let mut rows = Vec::new();
    let required = required(schema);
    rows_of(schema, &required, "", &mut rows);
    // What every failure has stands once, in the introduction.
    if title == "Output" {
        rows.retain(|row| !row.contains("| Only in failures: "));
    }
    if rows.is_empty() {
        writeln!(page, "\n{title}: nothing.").unwrap();
        return;
    }
    writeln!(page, "\n| {} | type | |\n| --- | --- | --- |", title.to_lowercase()).unwrap();
    for row in rows {
        page.push_str(&row);
    }
}

/// The fields that an object must have; an output's stand in the first of the two shapes that it may have.
fn required(schema: &Value) -> Vec<&str> {
    let own = schema["required"].as_array();
    let own = own.or_else(|| schema["anyOf"][0]["required"].as_array());
    own.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn rows_of(schema: &Value, needed: &[&str], place: &str, rows: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mark = if needed.contains(&name.as_str()) { "" } else { "?" };
        let about = text(property, "description").replace('|', "\\|");
        let kind = kind(property);
        rows.push(format!("| `{place}{name}`{mark} | {kind} | {about} |\n"));
        // A nullable object keeps its fields in a branch.
        let branches = property["oneOf"].as_array().into_iter().flatten();
        for inner in std::iter::once(property).chain(branches) {
            rows_of(inner, &required(inner), &format!("{place}{name}."), rows);
            let items = &inner["items"];
            rows_of(items, &required(items), &format!("{place}{name}[]."), rows);
        }
    }
}

fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<_> =
            choices.iter().map(|choice| format!("`{}`", choice.as_str().unwrap())).collect();
        return choices.join(", ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("array of {}", kind(&schema["items"])),
        Some(kind) => kind.to_owned(),
        None => {
            let branches = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
            let kinds: Vec<_> = branches.into_iter().flatten().map(kind).collect();
            if kinds.len() > 4 { "any JSON value".to_owned() } else { kinds.join(" or ") }
        }
    }
}
