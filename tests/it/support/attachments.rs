//! Attachments for tests.

use chrono::{DateTime, Utc};
use dynamic_mcp::domain::Actor;
use dynamic_mcp::domain::upstream::{Attachment, UpstreamDraft, UpstreamPolicy};
use serde_json::{Value, json};

/// A server reached over HTTP, with a secret.
pub(crate) fn http(alias: &str, id: &str) -> Attachment {
    let headers = json!({ "Authorization": "Bearer hush" });
    let url = format!("https://{alias}.example.com/mcp?key=hush");
    attachment(id, json!({ "alias": alias, "transport": "http", "url": url, "headers": headers }))
}

/// A program, with a secret.
pub(crate) fn stdio(alias: &str, id: &str) -> Attachment {
    let env = json!({ "TOKEN": "hush", "EMPTY": "" });
    let args = json!(["--token", "hush", "ünïcode"]);
    attachment(
        id,
        json!({ "alias": alias, "transport": "stdio", "command": "/bin/tool", "args": args, "env": env, "cwd": "/" }),
    )
}

/// One of this draft.
pub(crate) fn attachment(id: &str, draft: Value) -> Attachment {
    let draft: UpstreamDraft = serde_json::from_value(draft).unwrap();
    let policy = UpstreamPolicy { commands: vec!["*".to_owned()], max_timeout_ms: 120_000 };
    let checked = draft.check(&policy).unwrap();
    Attachment {
        id: id.to_owned(),
        alias: checked.alias,
        spec: checked.spec,
        timeout_ms: checked.timeout_ms,
        actor: Actor::Admin,
        attached_at: DateTime::<Utc>::from_timestamp_millis(1_790_000_000_123).unwrap(),
    }
}
