//! `tools list` and `tools get`: what the store holds.

use serde_json::{Value, json};

use super::table::{printable, shortened, table};
use super::{CommandError, Screen, Verdict};
use crate::app::App;
use crate::domain::tool::ToolRecord;

/// Longest description in a table, in characters.
const DESCRIPTION_CHARS: usize = 60;

/// Every tool, disabled ones included.
pub fn list(app: &App, screen: &mut Screen) -> Verdict {
    let snapshot = app.catalog.snapshot();
    let records: Vec<_> = snapshot.tools().map(|tool| tool.record()).collect();
    if screen.json {
        let tools: Vec<Value> = records.iter().map(|record| view(record, false)).collect();
        screen.document(&json!({ "tools": tools }));
        return Verdict::Done;
    }
    if records.is_empty() {
        screen.line("There are no tools yet. An MCP client makes one with dynamic.tool.create.");
        return Verdict::Done;
    }
    let rows: Vec<_> = records.iter().map(|record| row(record)).collect();
    let lines = table(&["NAME", "REV", "STATE", "ENGINE", "UPDATED", "DESCRIPTION"], &rows);
    for (index, line) in lines.iter().enumerate() {
        let line = if index == 0 { screen.strong(line) } else { line.clone() };
        screen.line(&line);
    }
    Verdict::Done
}

/// One tool, with its code.
pub fn get(app: &App, name: &str, screen: &mut Screen) -> Result<Verdict, CommandError> {
    let tool = app.catalog.get(name)?;
    let record = tool.record();
    if screen.json {
        screen.document(&view(record, true));
        return Ok(Verdict::Done);
    }
    let content = &record.content;
    let title = content.title.as_deref().map(|title| format!("  {title}")).unwrap_or_default();
    screen.line(&format!("{}{}", screen.strong(record.name.as_str()), printable(&title)));
    screen.line(&printable(&content.description));
    screen.line("");
    let state = if record.enabled { "enabled" } else { "disabled" };
    let facts = [
        ("revision", format!("{} ({state})", record.revision)),
        ("updated", format!("{} by {}", record.updated_at.format("%F %T UTC"), record.actor)),
        ("digest", record.digest.to_string()),
        ("engine", record.engine_resolved.as_str().to_owned()),
        ("timeout", format!("{} ms", content.timeout_ms)),
        ("client-safe", record.name.client_safe()),
    ];
    for (name, value) in facts {
        screen.line(&format!("{}  {}", screen.faint(&format!("{name:11}")), printable(&value)));
    }
    let schemas =
        [("inputSchema", &content.input_schema), ("outputSchema", &content.output_schema)];
    for (name, schema) in schemas {
        if let Some(schema) = schema {
            screen.line(&format!("\n{}", screen.faint(name)));
            let schema = serde_json::to_value(schema).unwrap_or_default();
            screen.document(&schema);
        }
    }
    screen.line(&format!("\n{}", screen.faint("code")));
    screen.line(&printable(&content.code));
    Ok(Verdict::Done)
}

fn row(record: &ToolRecord) -> Vec<String> {
    vec![
        record.name.to_string(),
        record.revision.to_string(),
        if record.enabled { "enabled" } else { "disabled" }.to_owned(),
        record.engine_resolved.as_str().to_owned(),
        record.updated_at.format("%F %T").to_string(),
        shortened(&record.content.description, DESCRIPTION_CHARS),
    ]
}

/// As `dynamic.tool.list` and `.get` show it.
fn view(record: &ToolRecord, with_code: bool) -> Value {
    let mut view = serde_json::to_value(record).unwrap_or_default();
    if let Some(fields) = view.as_object_mut() {
        fields.insert("codeSizeBytes".to_owned(), record.content.code.len().into());
        if !with_code {
            fields.remove("code");
        }
    }
    view
}
