//! What built-in tools answer with: an object of a type, or whatever code came to.

use std::time::Duration;

use rmcp::model::{CallToolResult, JsonObject};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::bounded::{self, MAX_ANSWER_BYTES, Unwritten};
use super::names::Spelling;
use super::reply::{self, Declared};
use super::{relay, schema};
use crate::app::upstreams::Relayed;
use crate::app::{AppError, CallResult};

/// A built-in tool's output.
pub(super) trait Answer: Send {
    /// The schema of a success's `structuredContent`.
    fn schema() -> JsonObject;
    /// The result for the client.
    fn into_result(self, spelling: Spelling) -> CallToolResult;
}

/// An object, and perhaps a sentence for the model.
pub(super) struct Json<T> {
    pub(super) value: T,
    pub(super) hint: Option<String>,
}

impl<T> Json<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { value, hint: None }
    }
}

impl<T: Serialize + JsonSchema + Send> Answer for Json<T> {
    fn schema() -> JsonObject {
        schema::output::<T>()
    }

    fn into_result(self, spelling: Spelling) -> CallToolResult {
        // Written as text first, so that no more than the limit is ever held.
        let written = bounded::write(&self.value).and_then(|text| {
            let value = serde_json::to_value(&self.value).map_err(Unwritten::Defect)?;
            Ok(reply::structured(value, text, self.hint))
        });
        written.unwrap_or_else(|error| match error {
            Unwritten::TooLarge => {
                let error = AppError::AnswerTooLarge(format!(
                    "the answer is larger than {MAX_ANSWER_BYTES} bytes; ask for less, such as a single tool with \
                     dynamic.tool.get"
                ));
                reply::failed(&error, Duration::ZERO, spelling, Declared::Ours)
            }
            Unwritten::Defect(error) => {
                tracing::error!(%error, "a built-in tool's output could not be written");
                reply::defect(Duration::ZERO, spelling, Declared::Ours)
            }
        })
    }
}

/// An object, and the same told to a model in another way than as JSON.
pub(super) struct WithText<T> {
    pub(super) value: T,
    pub(super) text: String,
}

impl<T: Serialize + JsonSchema + Send> Answer for WithText<T> {
    fn schema() -> JsonObject {
        schema::output::<T>()
    }

    fn into_result(self, spelling: Spelling) -> CallToolResult {
        match serde_json::to_value(&self.value) {
            Ok(value) => reply::structured(value, self.text, None),
            Err(error) => {
                tracing::error!(%error, "a built-in tool's output could not be written");
                reply::defect(Duration::ZERO, spelling, Declared::Ours)
            }
        }
    }
}

/// What code came to, as the result of the code itself.
impl Answer for CallResult {
    fn schema() -> JsonObject {
        schema::output::<AnyFields>()
    }

    fn into_result(self, spelling: Spelling) -> CallToolResult {
        reply::ran_as_object(self, spelling)
    }
}

/// What a called tool came to, wherever it runs.
pub(super) enum Ran {
    /// In a sandbox here.
    Code(CallResult),
    /// At another server.
    Relayed(Relayed),
}

impl Answer for Ran {
    fn schema() -> JsonObject {
        CallResult::schema()
    }

    fn into_result(self, spelling: Spelling) -> CallToolResult {
        match self {
            Self::Code(result) => result.into_result(spelling),
            Self::Relayed(relayed) => {
                let duration_ms = relayed.duration_ms;
                let result = relay::result(relayed, spelling, Declared::Ours);
                reply::as_object(result, duration_ms)
            }
        }
    }
}

/// A schema is also held against failures, so that it describes them: either what it demands, or a failure.
pub(super) fn add_failure(schema: &mut JsonObject) {
    let success = schema.remove("required").unwrap_or_else(|| json!([]));
    let failure = schema::output::<FailureFields>();
    let required = failure.get("required").cloned().unwrap_or_default();
    if let (Some(Value::Object(properties)), Some(Value::Object(own))) =
        (failure.get("properties"), schema.get_mut("properties"))
    {
        for (name, property) in properties {
            own.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    if success.as_array().is_some_and(|required| !required.is_empty()) {
        let either = json!([{ "required": success }, { "required": required }]);
        schema.insert("anyOf".to_owned(), either);
    }
    schema.remove("additionalProperties");
}

/// The fields of a failure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FailureFields {
    /// Only in failures: false.
    ok: bool,
    /// Only in failures: a stable code, such as `invalid_input` or `revision_conflict`.
    code: String,
    /// Only in failures: what went wrong and what is allowed, in words.
    error: String,
    /// Only in failures: whether the same call may succeed later.
    retryable: bool,
    /// Only in failures: how long the call took, in milliseconds, 0 or more.
    duration_ms: u64,
    /// Only in failures: more about it for programs, such as expected and actual revision. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Map<String, Value>>,
}

/// The result of any code: the fields that the server fills, where the code does not fill them itself.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AnyFields {
    /// Whether the code returned; unless the tool defines a field of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<Value>,
    /// What the code returned; unless the tool has an output schema, whose object then stands here itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// How long it took, in milliseconds; unless the tool defines a field of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Value>,
    /// In failures a stable code, such as `tool_error` or `timeout`; else as the tool defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Value>,
    /// In failures what went wrong, in words; else as the tool defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    /// In failures whether the same call may succeed later; else as the tool defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<Value>,
    /// In failures more about it for programs; else as the tool defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}
