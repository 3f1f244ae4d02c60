//! The audit log's events: who did what to which tool, and what came of it. Never code, arguments or results.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use super::tool::{EngineKind, ToolName};
use super::{Caller, ErrorCode};

/// Keys whose values are never written, at any depth, in any case: those that hold one of these.
const SECRET_KEYS: [&str; 10] = [
    "token",
    "password",
    "secret",
    "authorization",
    "cookie",
    "api_key",
    "api-key",
    "apikey",
    "bearer",
    "credential",
];

/// Longest text of one field where an event has to be clipped, in characters.
const CLIPPED_CHARS: usize = 64;

/// What kind of thing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditCategory {
    /// A change of the registry, or of what is attached to the server; a refused one too.
    Management,
    /// A call of a tool, or of code that is not stored; one that was refused before it ran too.
    Execution,
    /// Something done with a sandbox session.
    Session,
    /// A token was judged.
    Authentication,
    /// The audit log itself.
    Audit,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// It was done.
    Ok,
    /// It was not begun: not allowed, over a limit, or not as it should be.
    Refused,
    /// It was begun, and failed.
    Failed,
}

/// One event. Absent fields are left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// What kind of thing was done.
    pub category: AuditCategory,
    /// What was done: a built-in tool's name, `tool.call`, `authenticate`, or `audit.gap` where events were lost.
    pub action: &'static str,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why it was not done: an error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Why, in words; only of the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The token's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The token's client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The tool that was changed or called; of a name that no tool can have, as much as a name may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its revision: the one made, or the one that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The digest of all that affects its behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The engine that ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub engine: Option<EngineKind>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The sandbox session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// More, with secrets taken out.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl AuditEvent {
    /// An event of nobody's.
    pub fn new(category: AuditCategory, action: &'static str, outcome: AuditOutcome) -> Self {
        Self {
            category,
            action,
            outcome,
            code: None,
            reason: None,
            subject: None,
            client: None,
            tool: None,
            revision: None,
            digest: None,
            engine: None,
            duration_ms: None,
            session: None,
            details: Map::new(),
        }
    }

    /// Done by this caller.
    #[must_use]
    pub fn by(mut self, caller: &Caller) -> Self {
        self.subject = caller.subject.as_deref().map(str::to_owned);
        self.client = caller.client.as_deref().map(str::to_owned);
        self
    }

    /// Of the tool that the caller named so.
    #[must_use]
    pub fn named(mut self, tool: &str) -> Self {
        self.tool = Some(tool.chars().take(ToolName::MAX_CHARS).collect());
        self
    }

    /// The event as a line of JSON, without its end: secrets taken out, and clipped to about `max_bytes`. What
    /// makes it an event is never clipped, which takes some 600 bytes.
    pub fn line(mut self, at: DateTime<Utc>, max_bytes: usize) -> String {
        self.details.iter_mut().for_each(redact);
        let line = self.render(at, false);
        if line.len() <= max_bytes {
            return line;
        }
        self.details.clear();
        for text in [&mut self.subject, &mut self.client, &mut self.tool, &mut self.session] {
            if let Some(text) = text
                && let Some((end, _)) = text.char_indices().nth(CLIPPED_CHARS)
            {
                text.truncate(end);
            }
        }
        self.render(at, true)
    }

    fn render(&self, at: DateTime<Utc>, clipped: bool) -> String {
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let written = Written { time, event: self, clipped };
        serde_json::to_string(&written).unwrap_or_default()
    }
}

/// An event as it is written.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    /// When it was noted down: RFC 3339 in UTC, with milliseconds.
    time: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
    /// Whether parts were left out because the event was too large.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    clipped: bool,
}

/// The JSON Schema of a line of the log.
pub fn line_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Written<'_>>().to_value()
}

fn redact((key, value): (&String, &mut Value)) {
    let lower = key.to_ascii_lowercase();
    if SECRET_KEYS.iter().any(|word| lower.contains(word)) {
        *value = Value::from("[redacted]");
        return;
    }
    redact_within(value);
}

fn redact_within(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(redact),
        Value::Array(items) => items.iter_mut().for_each(redact_within),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(details: &Value) -> AuditEvent {
        let mut event =
            AuditEvent::new(AuditCategory::Management, "dynamic.tool.create", AuditOutcome::Ok);
        event.details = details.as_object().unwrap().clone();
        event
    }

    fn read(line: &str) -> Value {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn secrets_are_taken_out_at_any_depth() {
        let details = json!({
            "adminToken": "s3cret", "plain": "kept",
            "deep": [{ "X-API-Key": "s3cret", "list": [{ "Set-Cookie": ["s3cret"] }] }],
            "PASSWORD": { "a": "s3cret" }, "my_secret_name": 7, "Authorization": "s3cret",
            "api_key": "s3cret", "apikey": "s3cret", "bearerThing": "s3cret", "credentials": "s3cret",
        });
        let line = event(&details).line(DateTime::UNIX_EPOCH, 20_000);
        assert!(!line.contains("s3cret"), "{line}");
        assert_eq!(read(&line)["details"]["plain"], "kept");
        assert_eq!(read(&line)["details"]["my_secret_name"], "[redacted]");
    }

    #[test]
    fn a_large_event_is_clipped_to_what_makes_it_one() {
        let details = json!({ "text": "é".repeat(5_000) });
        let mut large = event(&details).named(&"n".repeat(500));
        large.subject = Some("ü".repeat(1_000));
        large.revision = Some(3);
        let whole = read(&large.clone().line(DateTime::UNIX_EPOCH, 100_000));
        assert_eq!(whole.get("clipped"), None);
        let line = large.line(DateTime::UNIX_EPOCH, 1);
        assert!(line.len() < 600, "{}", line.len());
        let line = read(&line);
        assert_eq!((&line["clipped"], &line["revision"]), (&json!(true), &json!(3)));
        assert_eq!(line["time"], "1970-01-01T00:00:00.000Z");
        assert_eq!(line["tool"], "n".repeat(64));
    }

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let line = event(&json!({ "a\nb": "c\nd\u{2028}" })).line(DateTime::UNIX_EPOCH, 20_000);
        assert!(!line.contains('\n') && !line.contains('\r'), "{line}");
    }
}
