//! What a call came to: its value checked and read, or why there is none.

use serde_json::{Map, Value, json};

use super::AppError;
use super::snapshot::SchemaSlot;
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, Logs, Returned};
use crate::domain::tool::{Digest, EngineKind, Revision, ToolName};
use crate::ports::SchemaViolation;

/// A call's result, with its receipt whatever it came to.
#[derive(Debug)]
pub struct CallResult {
    /// What ran.
    pub receipt: Receipt,
    /// What it came to.
    pub output: Output,
}

/// What ran, for the result's `_meta`.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The tool, its revision and its digest; `None` for code that is not stored.
    pub tool: Option<(ToolName, Revision, Digest)>,
    /// The engine.
    pub engine: EngineKind,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What was logged, and how much was dropped.
    pub logs: Logs,
}

/// What a call came to.
#[derive(Debug)]
pub enum Output {
    /// A value.
    Value {
        /// As JSON text, the way the code wrote it.
        json: String,
        /// The same, parsed.
        value: Value,
        /// Whether it was validated against an output schema.
        typed: bool,
    },
    /// `ctx.result(...)`: `content`, `isError`, `structuredContent`, `_meta`.
    Rich(Map<String, Value>),
    /// It failed.
    Failed(AppError),
}

/// Without an input schema clients pass `{"args": ...}`; an object without that key is the args itself.
pub(super) fn unwrap_args(mut arguments: Map<String, Value>) -> Value {
    arguments.remove("args").unwrap_or(Value::Object(arguments))
}

pub(super) fn validate(schema: &SchemaSlot, value: &Value) -> Result<(), Vec<SchemaViolation>> {
    match schema {
        Ok(schema) => schema.validate(value),
        // Only of tools that came from outside: ours were compiled before they were stored.
        Err(reason) => Err(vec![SchemaViolation {
            pointer: String::new(),
            expected: format!("a usable schema, but the tool's own is not valid ({reason})"),
            got: "a value".to_owned(),
        }]),
    }
}

fn sentence(violations: &[SchemaViolation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn details(violations: &[SchemaViolation]) -> Value {
    let each =
        |v: &SchemaViolation| json!({ "pointer": v.pointer, "expected": v.expected, "got": v.got });
    json!({ "violations": violations.iter().map(each).collect::<Vec<_>>() })
}

pub(super) fn invalid_arguments(violations: &[SchemaViolation]) -> AppError {
    AppError::InvalidInput {
        message: format!(
            "the arguments do not match the tool's inputSchema: {}",
            sentence(violations)
        ),
        details: Some(details(violations)),
    }
}

pub(super) fn read(returned: Returned, schema: Option<&SchemaSlot>) -> Result<Output, AppError> {
    match returned {
        Returned::Value(json) => {
            let value: Value = parse(&json)?;
            if let Some(schema) = schema {
                validate(schema, &value).map_err(|wrong| invalid_output(&wrong))?;
            }
            Ok(Output::Value { json, value, typed: schema.is_some() })
        }
        Returned::Rich(json) => {
            let rich: Map<String, Value> = parse(&json)?;
            let is_error = rich.get("isError").and_then(Value::as_bool).unwrap_or(false);
            if let (Some(schema), false) = (schema, is_error) {
                let structured = rich.get("structuredContent").unwrap_or(&Value::Null);
                validate(schema, structured).map_err(|wrong| invalid_output(&wrong))?;
            }
            Ok(Output::Rich(rich))
        }
    }
}

/// The sandbox writes JSON natively, so that text which isn't JSON was not written by it.
fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, AppError> {
    serde_json::from_str(json).map_err(|error| {
        if error.to_string().starts_with("recursion limit") {
            Failure::new(ErrorCode::ToolError, "the result is nested deeper than 128 levels").into()
        } else {
            Failure::new(ErrorCode::SandboxViolation, "the sandbox sent a result that is not JSON")
                .into()
        }
    })
}

fn invalid_output(violations: &[SchemaViolation]) -> AppError {
    Failure {
        code: ErrorCode::InvalidOutput,
        message: format!(
            "the result does not match the tool's outputSchema: {}",
            sentence(violations)
        ),
        location: None,
        details: Some(details(violations)),
    }
    .into()
}
