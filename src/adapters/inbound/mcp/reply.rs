//! The only place where outcomes become MCP results.
//!
//! What a model can act on is a result, with `isError` where it failed: the text says what happened, and
//! `structuredContent` says it for programs. Clients of the TypeScript SDK's first generation hold even a
//! failure's `structuredContent` against the tool's `outputSchema` and, where it does not match, show their own
//! complaint in place of the text. So the failure of a tool that has an `outputSchema` of its own carries
//! that object in `_meta` only.

use std::time::Duration;

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject};
use serde_json::{Value, json};

use super::names::Spelling;
use super::rich;
use crate::app::{AppError, CallResult, Output, Receipt};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;
use crate::domain::text::millis;

/// The key of a call's receipt in `_meta`.
const RECEIPT: &str = "dynamic-mcp/receipt";
/// The key of a failure in `_meta`.
const ERROR: &str = "dynamic-mcp/error";

/// Whose schema the result's `structuredContent` is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// A built-in tool's schema, which describes failures too, or none at all.
    Ours,
    /// The dynamic tool's own `outputSchema`.
    Own,
}

/// A built-in tool's output: the object, and the same as text.
pub(super) fn structured(value: Value, text: String, hint: Option<String>) -> CallToolResult {
    let mut content = vec![ContentBlock::text(text)];
    content.extend(hint.map(ContentBlock::text));
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(value);
    result
}

/// A failure before anything ran, or of a built-in tool.
pub(super) fn failed(
    error: &AppError,
    took: Duration,
    spelling: Spelling,
    declared: Declared,
) -> CallToolResult {
    let message = error.public_message();
    // What the tool's own code says is not ours to spell.
    let message = match error {
        AppError::Failed(_) => message,
        _ => spelling.text(&message).into_owned(),
    };
    let mut failure = json!({
        "ok": false,
        "code": error.code(),
        "error": message,
        "retryable": error.retryable(),
        "durationMs": millis(took),
    });
    if let (Some(details), Some(object)) = (error.details(), failure.as_object_mut()) {
        object.insert("details".to_owned(), details);
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(message)]);
    match declared {
        Declared::Ours => result.structured_content = Some(failure),
        Declared::Own => set_meta(&mut result, ERROR, failure),
    }
    result
}

/// A defect of the server, such as a panic: the log says more than the client may know.
pub(super) fn defect(took: Duration, spelling: Spelling, declared: Declared) -> CallToolResult {
    let message = "the server failed while it handled this call; its log says why";
    let failure = Failure::new(ErrorCode::Internal, message);
    failed(&failure.into(), took, spelling, declared)
}

/// What code came to, as the tool's own result.
pub(super) fn ran(call: CallResult, spelling: Spelling, declared: Declared) -> CallToolResult {
    let CallResult { receipt, output } = call;
    let took = Duration::from_millis(receipt.duration_ms);
    let output = match output {
        Output::Value { json, value, typed } => {
            let text = match &value {
                Value::String(text) => text.clone(),
                _ => json,
            };
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(if typed {
                value
            } else {
                json!({ "ok": true, "result": value, "durationMs": receipt.duration_ms })
            });
            Ok(result)
        }
        Output::Rich(fields) => rich::read(fields).map_err(AppError::from),
        Output::Failed(error) => Err(error),
    };
    let mut result = output.unwrap_or_else(|error| failed(&error, took, spelling, declared));
    set_receipt(&mut result, receipt_json(&receipt));
    result
}

/// As [`ran`], for a built-in tool whose schema promises an object, whatever the tool it called returns.
pub(super) fn ran_as_object(call: CallResult, spelling: Spelling) -> CallToolResult {
    let duration_ms = call.receipt.duration_ms;
    as_object(ran(call, spelling, Declared::Ours), duration_ms)
}

/// With an object as its structured content, whatever a tool put there.
pub(super) fn as_object(mut result: CallToolResult, duration_ms: u64) -> CallToolResult {
    let ok = result.is_error != Some(true);
    result.structured_content = Some(match result.structured_content.take() {
        Some(object @ Value::Object(_)) => object,
        Some(value) => json!({ "ok": ok, "result": value, "durationMs": duration_ms }),
        None => json!({ "ok": ok, "durationMs": duration_ms }),
    });
    result
}

fn receipt_json(receipt: &Receipt) -> Value {
    let mut object = JsonObject::new();
    if let Some((name, revision, digest)) = &receipt.tool {
        object.insert("tool".to_owned(), name.as_str().into());
        object.insert("revision".to_owned(), revision.get().into());
        object.insert("digest".to_owned(), json!(digest));
    }
    object.insert("engine".to_owned(), receipt.engine.as_str().into());
    object.insert("durationMs".to_owned(), receipt.duration_ms.into());
    object.insert("hosts".to_owned(), json!([]));
    let logs = &receipt.logs;
    if logs.bytes > 0 || logs.dropped_bytes > 0 {
        let logs = json!({ "bytes": logs.bytes, "droppedBytes": logs.dropped_bytes });
        object.insert("logs".to_owned(), logs);
    }
    object.into()
}

/// Says what ran.
pub(super) fn set_receipt(result: &mut CallToolResult, receipt: Value) {
    set_meta(result, RECEIPT, receipt);
}

fn set_meta(result: &mut CallToolResult, key: &str, value: Value) {
    let meta = result.meta.get_or_insert_with(MetaObject::default);
    meta.0.insert(key.to_owned(), value);
}
