//! Runs a tool's examples and compares what comes out with what they promise.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Number, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::executor::{CallContext, Executor, Subject};
use super::host::NoSink;
use super::outcome::{Output, unwrap_args};
use super::{AppError, Catalog, audited};
use crate::domain::text::{millis, pointer_token};
use crate::domain::tool::{Example, ToolDraft};
use crate::domain::{Actor, Caller, ErrorCode};
use crate::ports::AuditLog;

/// Longest piece of a value in a message, in characters.
const MAX_SHOWN: usize = 200;

/// What became of one example.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleResult {
    /// Its name.
    pub name: Option<String>,
    /// How long its call took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed; `None`: it passed.
    pub failure: Option<ExampleFailure>,
}

/// Why an example failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleFailure {
    /// The call's error; `None`: it succeeded with another result.
    pub code: Option<ErrorCode>,
    /// Where the result differs, as a JSON pointer (RFC 6901).
    pub pointer: Option<String>,
    /// In words.
    pub message: String,
}

/// Runs examples, one after the other.
pub struct Examples {
    executor: Arc<Executor>,
    audit: Arc<dyn AuditLog>,
    patience: Duration,
}

impl Examples {
    /// `patience`: after this time no further example is begun.
    pub const fn new(
        executor: Arc<Executor>,
        audit: Arc<dyn AuditLog>,
        patience: Duration,
    ) -> Self {
        Self { executor, audit, patience }
    }

    /// Every example's result, in order.
    async fn run(
        &self,
        caller: &Caller,
        cancel: &CancellationToken,
        subject: &Subject<'_>,
    ) -> Vec<ExampleResult> {
        let begun = Instant::now();
        let mut results = Vec::with_capacity(subject.content.examples.len());
        for example in &subject.content.examples {
            let started = Instant::now();
            let failure = if begun.elapsed() > self.patience {
                let limit = self.patience.as_millis();
                let message =
                    format!("was not run, because those before it took more than {limit} ms");
                Some(ExampleFailure { code: Some(ErrorCode::Timeout), pointer: None, message })
            } else {
                let context = CallContext {
                    caller: caller.clone(),
                    sink: Arc::new(NoSink),
                    cancel: cancel.clone(),
                };
                self.try_out(context, subject.clone(), example).await.err()
            };
            let duration_ms = millis(started.elapsed());
            results.push(ExampleResult { name: example.name.clone(), duration_ms, failure });
        }
        results
    }

    /// Fails where one of the examples does. `actor`: who wants to write the definition.
    pub(super) async fn demand(&self, actor: &Actor, subject: Subject<'_>) -> Result<(), AppError> {
        let client = match actor {
            Actor::Client(id) => Some(Arc::from(id.as_str())),
            Actor::Admin | Actor::Local | Actor::Import | Actor::External => None,
        };
        let caller = Caller { client, ..Caller::local() };
        let results = self.run(&caller, &CancellationToken::new(), &subject).await;
        let (total, mut failed, mut first) = (results.len(), 0, None);
        for (number, result) in (1..).zip(results) {
            let Some(failure) = result.failure else { continue };
            failed += 1;
            first.get_or_insert_with(|| {
                let name = result.name.map(|name| format!(" '{name}'")).unwrap_or_default();
                format!("example {number}{name}: {}", failure.message)
            });
        }
        match first {
            Some(first) => Err(AppError::ExamplesFailed { failed, total, first }),
            None => Ok(()),
        }
    }

    async fn try_out(
        &self,
        context: CallContext,
        subject: Subject<'_>,
        example: &Example,
    ) -> Result<(), ExampleFailure> {
        let args = match (&example.args, subject.input) {
            (Value::Object(args), None) => unwrap_args(args.clone()),
            (args, _) => args.clone(),
        };
        let (caller, label) = (context.caller.clone(), subject.label);
        let called = self.executor.run_definition(context, subject, args).await;
        self.audit.record(audited::call(audited::EXAMPLE, &caller, Some(label), &called));
        let value = match called.map(|call| call.output) {
            Ok(Output::Value { value, .. }) => value,
            Ok(Output::Rich(mut rich)) => {
                if rich.get("isError").and_then(Value::as_bool).unwrap_or(false) {
                    let message = "the tool returned a result with isError".to_owned();
                    let code = Some(ErrorCode::ToolError);
                    return Err(ExampleFailure { code, pointer: None, message });
                }
                let structured = rich.remove("structuredContent");
                structured.or_else(|| rich.remove("content")).unwrap_or_default()
            }
            Ok(Output::Failed(error)) | Err(error) => {
                let (code, message) = (Some(error.code()), error.public_message());
                return Err(ExampleFailure { code, pointer: None, message });
            }
        };
        let Some(expected) = &example.result else { return Ok(()) };
        let mut pointer = String::new();
        let Some((expected, actual)) = difference(expected, Some(&value), &mut pointer) else {
            return Ok(());
        };
        let place = if pointer.is_empty() { "the result" } else { &pointer };
        let message = format!("{place}: expected {}, got {}", shown(expected), shown(actual));
        Err(ExampleFailure { code: None, pointer: Some(pointer), message })
    }
}

/// Tests tools for callers.
pub struct Testing {
    catalog: Arc<Catalog>,
    examples: Arc<Examples>,
}

impl Testing {
    /// Of what is in this catalogue, or could be.
    pub const fn new(catalog: Arc<Catalog>, examples: Arc<Examples>) -> Self {
        Self { catalog, examples }
    }

    /// Runs the examples of a stored tool, disabled or not.
    pub async fn stored(
        &self,
        caller: &Caller,
        cancel: &CancellationToken,
        name: &str,
    ) -> Result<Vec<ExampleResult>, AppError> {
        let tool = self.catalog.get(name)?;
        let subject = self.examples.executor.subject(&tool);
        Ok(self.examples.run(caller, cancel, &subject).await)
    }

    /// Runs the examples of a draft, which is checked as for a create and not stored.
    pub async fn draft(
        &self,
        caller: &Caller,
        cancel: &CancellationToken,
        draft: ToolDraft,
    ) -> Result<Vec<ExampleResult>, AppError> {
        let examined = self.catalog.examine(draft).await?;
        Ok(self.examples.run(caller, cancel, &examined.subject()).await)
    }
}

/// The first place where two values differ, and what is there in each; `None` stands for nothing.
fn difference<'a>(
    expected: &'a Value,
    actual: Option<&'a Value>,
    pointer: &mut String,
) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
    match (expected, actual) {
        (Value::Number(one), Some(Value::Number(other))) if same_number(one, other) => None,
        (Value::Array(expecteds), Some(Value::Array(actuals))) => {
            let mut further = actuals.iter();
            for (at, expected) in expecteds.iter().enumerate() {
                let found = step(&at.to_string(), pointer, |pointer| {
                    difference(expected, further.next(), pointer)
                });
                if found.is_some() {
                    return found;
                }
            }
            let extra = further.next()?;
            step(&expecteds.len().to_string(), pointer, |_| Some((None, Some(extra))))
        }
        (Value::Object(expecteds), Some(Value::Object(actuals))) => {
            for (key, expected) in expecteds {
                let found =
                    step(key, pointer, |pointer| difference(expected, actuals.get(key), pointer));
                if found.is_some() {
                    return found;
                }
            }
            let (key, extra) = actuals.iter().find(|(key, _)| !expecteds.contains_key(*key))?;
            step(key, pointer, |_| Some((None, Some(extra))))
        }
        (expected, actual) if Some(expected) == actual => None,
        (expected, actual) => Some((Some(expected), actual)),
    }
}

/// Looks one step deeper; the pointer keeps the step only where something was found.
fn step<T>(
    key: &str,
    pointer: &mut String,
    look: impl FnOnce(&mut String) -> Option<T>,
) -> Option<T> {
    let before = pointer.len();
    pointer.push('/');
    pointer.push_str(&pointer_token(key));
    let found = look(pointer);
    if found.is_none() {
        pointer.truncate(before);
    }
    found
}

/// JavaScript knows one kind of number: `1` is `1.0`.
fn same_number(one: &Number, other: &Number) -> bool {
    one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        for (expected, actual, place) in [
            (json!(1), json!(1.0), None),
            (json!({ "a": 1, "b": 2 }), json!({ "b": 2.0, "a": 1 }), None),
            (json!([]), json!([]), None),
            (json!(null), json!(null), None),
            (json!(1), json!(2), Some("")),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), Some("")),
            (json!(null), json!(false), Some("")),
            (json!([1, 2]), json!([1]), Some("/1")),
            (json!([1]), json!([1, 2]), Some("/1")),
            (json!({ "a": [{ "b": 1 }] }), json!({ "a": [{ "b": "1" }] }), Some("/a/0/b")),
            (json!({ "a/b~": 1 }), json!({}), Some("/a~1b~0")),
            (json!({}), json!({ "x": null }), Some("/x")),
        ] {
            let mut pointer = String::new();
            let found = difference(&expected, Some(&actual), &mut pointer);
            assert_eq!(found.map(|_| &*pointer), place, "{expected} {actual}");
        }
    }

    #[test]
    fn values_are_shown_short() {
        let long = shown(Some(&json!("é".repeat(10_000))));
        assert_eq!(long.chars().count(), MAX_SHOWN + 1);
        assert_eq!(shown(None), "nothing");
    }
}
