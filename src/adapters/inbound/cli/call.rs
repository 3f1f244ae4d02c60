//! `call`: one call of a tool of the store, in its sandbox.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::table::printable;
use super::{CallArgs, CommandError, Screen, Verdict};
use crate::app::{App, AppError, CallContext, CallResult, CallSink, Output};
use crate::domain::Caller;
use crate::domain::execution::{LogEntry, Progress};

/// Calls the tool and shows what came of it. Its log goes to standard error.
pub async fn call(
    app: &App,
    args: &CallArgs,
    screen: &mut Screen,
) -> Result<Verdict, CommandError> {
    let tool = app.catalog.get(&args.name)?;
    let schema = tool.record().content.input_schema.as_ref();
    let schema = schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default();
    let arguments = arguments(&args.arguments, &schema)?;
    let context = CallContext {
        caller: Caller::local(),
        sink: Arc::new(StandardError),
        cancel: CancellationToken::new(),
    };
    let result = app.runner.call(context, &args.name, Some(arguments)).await?;
    Ok(show(&result, screen))
}

fn show(result: &CallResult, screen: &mut Screen) -> Verdict {
    let duration = result.receipt.duration_ms;
    match &result.output {
        Output::Value { value, .. } => {
            if screen.json {
                screen.document(&json!({ "ok": true, "result": value, "durationMs": duration }));
            } else {
                screen.line(&printable(&readable(value)));
            }
            Verdict::Done
        }
        Output::Rich(rich) => {
            screen.document(&Value::Object(rich.clone()));
            let failed = rich.get("isError").and_then(Value::as_bool).unwrap_or(false);
            if failed { Verdict::Failed } else { Verdict::Done }
        }
        Output::Failed(error) => {
            failed(error, duration, screen);
            Verdict::Failed
        }
    }
}

fn failed(error: &AppError, duration: u64, screen: &mut Screen) {
    let (code, message) = (error.code().as_str(), error.public_message());
    if screen.json {
        screen.document(&json!({
            "ok": false, "code": code, "error": message, "retryable": error.retryable(),
            "durationMs": duration, "details": error.details(),
        }));
    } else {
        screen.line(&format!("{} {}", screen.bad(code), printable(&message)));
    }
}

/// A text as itself, anything else as JSON.
fn readable(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned)
}

/// One JSON object, `-` for standard input, or `key=value` each.
fn arguments(given: &[String], schema: &Value) -> Result<Map<String, Value>, CommandError> {
    match given {
        [only] if only == "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| CommandError::new(format!("standard input: {error}")))?;
            object(&text)
        }
        [only] if only.trim_start().starts_with('{') => object(only),
        pairs => pairs.iter().map(|pair| argument(pair, schema)).collect(),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, CommandError> {
    serde_json::from_str(text)
        .map_err(|error| CommandError::new(format!("the arguments are not a JSON object: {error}")))
}

fn argument(pair: &str, schema: &Value) -> Result<(String, Value), CommandError> {
    let Some((key, text)) = pair.split_once('=') else {
        return Err(CommandError::new(format!(
            "'{pair}' is not an argument: write key=value, or one JSON object such as '{{\"key\": 1}}'"
        )));
    };
    let kind = schema.get("properties").and_then(|all| all.get(key)?.get("type")?.as_str());
    let value = match kind {
        Some("string") => Value::from(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    Ok((key.to_owned(), value))
}

/// The person at the terminal sees the log as it comes.
struct StandardError;

impl CallSink for StandardError {
    fn log(&self, entry: LogEntry) {
        let text = printable(&readable(&entry.data));
        drop(writeln!(io::stderr(), "[{}] {text}", entry.level.as_str()));
    }

    fn progress(&self, progress: Progress) {
        let Progress { done, total, message } = progress;
        let total = total.map(|total| format!("/{total}")).unwrap_or_default();
        let message = printable(&message.unwrap_or_default());
        drop(writeln!(io::stderr(), "[{done}{total}] {message}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_or_pairs_and_the_schema_decides_about_texts() {
        let schema = json!({ "properties": { "id": { "type": "string" } } });
        let read = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&arg| arg.to_owned()).collect();
            arguments(&given, &schema).map(Value::Object).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[r#"{"a": 1}"#]), Ok(json!({ "a": 1 })));
        assert_eq!(
            read(&["n=3", "id=3", "text=a=b", "list=[1]"]),
            Ok(json!({ "n": 3, "id": "3", "text": "a=b", "list": [1] }))
        );
        assert_eq!(read(&[]), Ok(json!({})));
        assert!(read(&["novalue"]).unwrap_err().contains("key=value"));
        assert!(read(&["{"]).unwrap_err().contains("not a JSON object"));
    }
}
