//! What the audit log is told of built-in tools: changes, what is done with sandbox sessions, and refusals.

use std::time::Duration;

use rmcp::model::CallToolResult;
use serde_json::{Map, Value};

use super::server::Shared;
use crate::app::{AppError, audited};
use crate::domain::{Action, AuditCategory, Caller};

/// Longest name, and longest digest, in characters.
const MAX_CHARS: usize = 64;

/// A call of a built-in tool that may have to be told of.
pub(super) struct AuditDraft {
    action: Action,
    name: &'static str,
    tool: Option<String>,
    session: Option<String>,
    upstream: Option<String>,
}

impl AuditDraft {
    /// Looks at the arguments before somebody takes them, for what they name and nothing else.
    pub(super) fn of(action: Action, name: &'static str, arguments: &Map<String, Value>) -> Self {
        let tool = arguments.get("name").or_else(|| arguments.get("tool")?.get("name"));
        Self {
            action,
            name,
            tool: text(tool),
            session: text(arguments.get("sessionId")),
            upstream: text(arguments.get("alias")),
        }
    }

    /// Tells what came of it.
    pub(super) fn ended(
        self,
        shared: &Shared,
        caller: &Caller,
        took: Duration,
        result: Result<&CallToolResult, &AppError>,
    ) {
        let Some(category) = self.category(result.err()) else { return };
        let outcome = result.map(drop);
        let mut event = audited::action(category, self.name, caller, outcome, took);
        if let Some(tool) = &self.tool {
            event = event.named(tool);
        }
        event.session = self.session;
        if let Some(alias) = self.upstream {
            event.details.insert("upstream".to_owned(), alias.into());
        }
        if let Ok(CallToolResult { structured_content: Some(made), .. }) = result {
            event.revision = made.pointer("/tool/revision").and_then(Value::as_u64);
            event.digest = text(made.pointer("/tool/digest"));
            event.session = event.session.or_else(|| text(made.get("sessionId")));
        }
        shared.app.audit.record(event);
    }

    /// `None` for what nobody needs to know: looking, and calls, of which the use case tells.
    fn category(&self, error: Option<&AppError>) -> Option<AuditCategory> {
        let refused = match error {
            Some(AppError::Refused(_) | AppError::Rejected(_)) => true,
            Some(_) | None => false,
        };
        match self.action {
            Action::Sandbox => Some(AuditCategory::Session),
            Action::Manage | Action::Attach => Some(AuditCategory::Management),
            Action::Inspect | Action::InspectAttached if refused => Some(AuditCategory::Management),
            Action::Inspect | Action::InspectAttached | Action::Use => None,
        }
    }
}

/// As much of a text as the longest name or digest has: what a client sends waits in memory to be written.
fn text(value: Option<&Value>) -> Option<String> {
    Some(value?.as_str()?.chars().take(MAX_CHARS).collect())
}
