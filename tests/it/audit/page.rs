//! The page that describes the log: its schema is the one that lines have.

use std::path::Path;

use chrono::DateTime;
use dynamic_mcp::domain::audit::line_schema;
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::domain::{AuditCategory, AuditEvent, AuditOutcome, Caller, ErrorCode};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- schema: begin -->\n";
const END: &str = "<!-- schema: end -->\n";

#[test]
fn the_page_has_the_schema_of_the_lines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let schema = serde_json::to_string_pretty(&line_schema()).unwrap();
    let wanted = format!("{before}{BEGIN}```json\n{schema}\n```\n{END}{after}");
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap();
    assert!(
        is == wanted,
        "docs/audit.md is out of date: run UPDATE_DOCS=1 cargo test --test it audit"
    );
}

#[test]
fn lines_are_as_their_schema_says() {
    let schema = jsonschema::validator_for(&line_schema()).unwrap();
    let mut event = AuditEvent::new(AuditCategory::Execution, "tool.call", AuditOutcome::Failed)
        .by(&Caller {
            subject: Some("alice".into()),
            client: Some("agent".into()),
            ..Caller::local()
        })
        .named("text.echo");
    let line = |event: &AuditEvent, max| -> Value {
        serde_json::from_str(&event.clone().line(DateTime::UNIX_EPOCH, max)).unwrap()
    };
    let bare = AuditEvent::new(AuditCategory::Audit, "audit.gap", AuditOutcome::Ok);
    assert!(schema.is_valid(&line(&bare, 20_000)), "{}", line(&bare, 20_000));
    event.code = Some(ErrorCode::Timeout);
    event.reason = Some("a reason");
    event.revision = Some(1);
    event.digest = Some("d".to_owned());
    event.engine = Some(EngineKind::Embedded);
    event.duration_ms = Some(1);
    event.session = Some("s".to_owned());
    event.details.insert("x".to_owned(), json!(1));
    for max in [1, 20_000] {
        let line = line(&event, max);
        assert!(schema.is_valid(&line), "{line}");
        for field in line.as_object().unwrap().keys() {
            assert!(line_schema()["properties"].get(field).is_some(), "{field}");
        }
    }
    assert!(!schema.is_valid(&json!({ "time": "now" })));
}
