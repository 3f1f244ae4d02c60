//! What the audit log is told of calls and changes.

use std::time::Duration;

use super::AppError;
use super::outcome::{CallResult, Output};
use crate::domain::text::millis;
use crate::domain::tool::ToolName;
use crate::domain::{AuditCategory, AuditEvent, AuditOutcome, Caller, ErrorCode};

/// The name of a call of a tool, whether it is the server's own or a mounted one.
pub(super) const CALL: &str = "tool.call";

/// The name of an example's run.
pub(super) const EXAMPLE: &str = "dynamic.tool.test";

/// A call of a tool, or of code that is not stored. `asked`: the tool as the caller named it.
pub(super) fn call(
    action: &'static str,
    caller: &Caller,
    asked: Option<&str>,
    result: &Result<CallResult, AppError>,
) -> AuditEvent {
    let (outcome, code) = match result {
        Ok(CallResult { output: Output::Failed(error), .. }) => {
            (AuditOutcome::Failed, Some(error.code()))
        }
        Ok(_) => (AuditOutcome::Ok, None),
        Err(error) => (outcome(error.code()), Some(error.code())),
    };
    let mut event = AuditEvent::new(AuditCategory::Execution, action, outcome).by(caller);
    event.code = code;
    if let Some(asked) = asked {
        event = event.named(asked);
    }
    if let Ok(CallResult { receipt, .. }) = result {
        event.engine = Some(receipt.engine);
        event.duration_ms = Some(receipt.duration_ms);
        if let Some((name, revision, digest)) = &receipt.tool {
            event.tool = Some(name.to_string());
            event.revision = Some(revision.get());
            event.digest = Some(digest.to_string());
        }
    }
    event
}

/// A call of a mounted tool. `outcome`: why it failed, if it did, and how long it took in milliseconds; or why it was
/// not begun.
pub(super) fn mounted_call(
    caller: &Caller,
    tool: &ToolName,
    outcome: Result<(Option<ErrorCode>, u64), &AppError>,
) -> AuditEvent {
    let (outcome, code, took) = match outcome {
        Ok((None, took)) => (AuditOutcome::Ok, None, Some(took)),
        Ok((Some(code), took)) => (AuditOutcome::Failed, Some(code), Some(took)),
        Err(error) => (self::outcome(error.code()), Some(error.code()), None),
    };
    let mut event = AuditEvent::new(AuditCategory::Execution, CALL, outcome).by(caller);
    event.code = code;
    event.duration_ms = took;
    event.named(tool.as_str())
}

/// What a caller did by a built-in tool. `result`: what came of it.
pub fn action(
    category: AuditCategory,
    action: &'static str,
    caller: &Caller,
    result: Result<(), &AppError>,
    took: Duration,
) -> AuditEvent {
    let code = result.err().map(AppError::code);
    let outcome = code.map_or(AuditOutcome::Ok, outcome);
    let mut event = AuditEvent::new(category, action, outcome).by(caller);
    event.code = code;
    event.duration_ms = Some(millis(took));
    event
}

/// Whether what ended with this code was begun.
const fn outcome(code: ErrorCode) -> AuditOutcome {
    match code {
        ErrorCode::InvalidInput
        | ErrorCode::InvalidTool
        | ErrorCode::NotFound
        | ErrorCode::AlreadyExists
        | ErrorCode::RevisionConflict
        | ErrorCode::LimitReached
        | ErrorCode::ReadOnly
        | ErrorCode::Unauthorized
        | ErrorCode::Forbidden
        | ErrorCode::RateLimited
        | ErrorCode::TooBusy
        | ErrorCode::PermissionDenied => AuditOutcome::Refused,
        _ => AuditOutcome::Failed,
    }
}
