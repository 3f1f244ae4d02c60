//! `dynamic.tool.test`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::GivenName;
use crate::app::{AppError, ExampleResult};
use crate::domain::tool::ToolDraft;
use crate::domain::{Action, ErrorCode};

pub(in super::super) struct Test;

/// What to test: a stored tool or a definition, one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The name of a stored tool, 1 to 64 characters, in either spelling. Default: none; then tool is needed.
    name: Option<GivenName>,
    /// A definition as for dynamic.tool.create, which is checked and tested but not stored. Default: none; then
    /// name is needed.
    tool: Option<ToolDraft>,
}

/// How the examples did.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// Examples that passed, 0 or more.
    passed: usize,
    /// Examples that failed, 0 or more.
    failed: usize,
    /// Each example's result, in the order of the definition.
    results: Vec<One>,
}

/// One example's result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    /// The example's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether the call succeeded and, where the example has a result, returned it.
    passed: bool,
    /// How long the call took, in milliseconds, 0 or more.
    duration_ms: u64,
    /// Why it failed, in words; a difference with its place, what was expected and what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The stable code, where the call itself failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ErrorCode>,
    /// Where the result differs, as a JSON pointer; empty: in the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

impl One {
    fn of(result: ExampleResult) -> Self {
        let ExampleResult { name, duration_ms, failure } = result;
        let passed = failure.is_none();
        let (error, code, pointer) = match failure {
            Some(failure) => (Some(failure.message), failure.code, failure.pointer),
            None => (None, None, None),
        };
        Self { name, passed, duration_ms, error, code, pointer }
    }
}

impl Tool for Test {
    const NAME: &'static str = "dynamic.tool.test";
    const TITLE: &'static str = "Test a tool";
    const ABOUT: &'static str = "Runs the examples of a tool, each in a sandbox of its own, and says which of them \
        return what they promise. Give the name of a stored tool, or a whole definition to try it before it is \
        created. Numbers are compared by value, objects without regard to the order of their fields; an example \
        without a result only has to succeed.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: false, open_world: true };
    const ACTION: Action = Action::Inspect;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let testing = &call.shared.app.testing;
        let (caller, cancel) = (&call.exchange.caller, &call.exchange.cancel);
        let results = match input {
            Input { name: Some(GivenName(name)), tool: None } => {
                testing.stored(caller, cancel, &name).await?
            }
            Input { name: None, tool: Some(draft) } => testing.draft(caller, cancel, draft).await?,
            _ => {
                let message = "give either name, for a stored tool, or tool, for a definition";
                return Err(AppError::invalid_input(message));
            }
        };
        let hint = results.is_empty().then(|| "The tool has no examples: nothing ran.".to_owned());
        let failed = results.iter().filter(|result| result.failure.is_some()).count();
        let passed = results.len() - failed;
        let results = results.into_iter().map(One::of).collect();
        Ok(Json { value: Output { passed, failed, results }, hint })
    }
}
