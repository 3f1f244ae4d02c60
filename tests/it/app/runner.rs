//! Calls of tools, and of code that is not stored.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::app::{AppError, CallResult, EphemeralJob, Output};
use dynamic_mcp::domain::tool::{Dependency, Expected};
use dynamic_mcp::domain::{Actor, ErrorCode, GuardLimits};
use serde_json::{Map, Value, json};

use crate::support::app::{Setup, TestApp, context, draft};
use crate::support::wait::until;

async fn make(test: &TestApp, fields: Value) {
    test.app.catalog.create(Actor::Local, draft(&fields)).await.unwrap();
}

async fn call(test: &TestApp, arguments: Value) -> Result<CallResult, AppError> {
    let arguments: Option<Map<String, Value>> = serde_json::from_value(arguments).unwrap();
    test.app.runner.call(context().0, "text.echo", arguments).await
}

async fn value(test: &TestApp, arguments: Value) -> Value {
    match call(test, arguments).await.unwrap().output {
        Output::Value { value, .. } => value,
        other => panic!("{other:?}"),
    }
}

async fn failure(test: &TestApp) -> AppError {
    match call(test, json!({})).await.unwrap().output {
        Output::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_a_schema_the_args_are_unwrapped() {
    let test = TestApp::new();
    make(&test, json!({})).await;
    assert_eq!(value(&test, json!({ "args": { "a": 1 } })).await, json!({ "a": 1 }));
    assert_eq!(value(&test, json!({ "a": 1 })).await, json!({ "a": 1 }));
    assert_eq!(value(&test, json!({ "args": [1] })).await, json!([1]));
    assert_eq!(value(&test, Value::Null).await, json!({}));
}

#[tokio::test]
async fn with_a_schema_the_args_are_the_object_and_are_validated_first() {
    let test = TestApp::new();
    make(&test, json!({ "inputSchema": { "required": ["args"] } })).await;
    assert_eq!(value(&test, json!({ "args": 1 })).await, json!({ "args": 1 }));
    let refused = call(&test, json!({ "other": 1 })).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidInput);
    assert!(refused.public_message().contains("\"args\""), "{refused}");
    assert_eq!(refused.details().unwrap()["violations"][0]["pointer"], "");
    assert_eq!(test.engine.started(), 1, "nothing ran for the bad call");
}

#[tokio::test]
async fn results_are_validated_where_a_schema_says_so() {
    let test = TestApp::new();
    make(&test, json!({ "outputSchema": { "required": ["sum"] } })).await;
    let right = call(&test, json!({ "args": { "sum": 3 } })).await.unwrap();
    assert!(matches!(right.output, Output::Value { typed: true, .. }));
    let wrong = call(&test, json!({ "args": {} })).await.unwrap();
    assert!(
        matches!(&wrong.output, Output::Failed(e) if e.code() == ErrorCode::InvalidOutput),
        "{wrong:?}"
    );
    assert_eq!(wrong.receipt.tool.unwrap().1.get(), 1, "a failed call has a receipt too");
}

#[tokio::test]
async fn rich_results_pass_through() {
    let test = TestApp::new();
    make(&test, json!({ "code": r#"rich {"content":[{"type":"text","text":"hi"}]}"# })).await;
    let result = call(&test, json!({})).await.unwrap();
    let Output::Rich(rich) = result.output else { panic!("{result:?}") };
    assert_eq!(rich["content"][0]["text"], "hi");
}

#[tokio::test]
async fn what_the_sandbox_sends_is_not_trusted() {
    let test = TestApp::new();
    make(&test, json!({ "code": "return {broken" })).await;
    assert_eq!(failure(&test).await.code(), ErrorCode::SandboxViolation);
    let deep = format!("return {}{}", "[".repeat(200), "]".repeat(200));
    make(&test, json!({ "name": "deep.result", "code": deep })).await;
    let result = test.app.runner.call(context().0, "deep.result", None).await.unwrap();
    assert!(
        matches!(&result.output, Output::Failed(e) if e.code() == ErrorCode::ToolError),
        "{result:?}"
    );
}

#[tokio::test]
async fn the_host_passes_on_logs_and_refuses_what_is_not_there() {
    let test = TestApp::new();
    make(&test, json!({ "code": "log warning careful\nprogress 1 2\nask fetch" })).await;
    let (context, sink) = context();
    let result = test.app.runner.call(context, "text.echo", None).await.unwrap();
    assert_eq!(sink.logs.lock().unwrap()[0].data, "careful");
    assert_eq!(sink.progress.lock().unwrap()[0].total, Some(2.0));
    let Output::Failed(error) = result.output else { panic!("{result:?}") };
    assert!(error.public_message().contains("fetch is not available"), "{error}");
}

#[tokio::test]
async fn disabled_and_unknown_tools_are_not_found() {
    let test = TestApp::new();
    make(&test, json!({ "enabled": false })).await;
    let disabled = call(&test, json!({})).await.unwrap_err();
    assert_eq!(disabled.code(), ErrorCode::NotFound);
    assert!(disabled.public_message().contains("disabled"), "{disabled}");
    let unknown = test.app.runner.call(context().0, "no.such", None).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    assert!(test.app.gate.tallies().is_empty(), "unknown names leave no counters");
}

#[tokio::test]
async fn cancelling_a_call_ends_its_run() {
    let test = TestApp::new();
    make(&test, json!({ "code": "hang" })).await;
    let (context, _) = context();
    let cancel = context.cancel.clone();
    let runner = Arc::clone(&test.app.runner);
    let call = tokio::spawn(async move { runner.call(context, "text.echo", None).await });
    until(async || test.engine.running() > 0).await;
    cancel.cancel();
    let result = call.await.unwrap().unwrap();
    assert!(matches!(&result.output, Output::Failed(e) if e.code() == ErrorCode::Cancelled));
    assert_eq!(test.engine.running(), 0);
}

#[tokio::test]
async fn the_guard_refuses_at_once_and_counts_failures() {
    let guard = GuardLimits { max_concurrency: 1, ..GuardLimits::default() };
    let test = TestApp::with(Setup { guard, ..Setup::default() });
    make(&test, json!({ "code": "hang" })).await;
    let (context, _) = context();
    let cancel = context.cancel.clone();
    let runner = Arc::clone(&test.app.runner);
    let first = tokio::spawn(async move { runner.call(context, "text.echo", None).await });
    until(async || test.engine.running() > 0).await;
    let refused = call(&test, json!({})).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TooBusy);
    assert!(refused.retryable());
    assert!(refused.details().unwrap()["retryAfterMs"].as_u64().unwrap() > 0);
    cancel.cancel();
    first.await.unwrap().unwrap();
    let (scope, tally) = test.app.gate.tallies().remove(0);
    assert_eq!(scope.as_str(), "dynamic.exec.text.echo");
    assert_eq!((tally.total, tally.rejected_concurrency, tally.failed), (2, 1, 1));
}

#[tokio::test]
async fn code_that_is_not_stored_runs_within_the_policy() {
    let test = TestApp::new();
    let job = EphemeralJob {
        code: "echo".to_owned(),
        args: json!([1, 2]),
        image: None,
        dependencies: vec![],
        timeout_ms: None,
    };
    let result = test.app.runner.run_ephemeral(context().0, job.clone()).await.unwrap();
    assert!(matches!(&result.output, Output::Value { json, .. } if json == "[1,2]"));
    assert!(result.receipt.tool.is_none());

    for (bad, words) in [
        (EphemeralJob { code: String::new(), ..job.clone() }, "code"),
        (EphemeralJob { timeout_ms: Some(1), ..job.clone() }, "timeoutMs"),
        (EphemeralJob { image: Some("python:3".to_owned()), ..job.clone() }, "not allowed"),
    ] {
        let refused = test.app.runner.run_ephemeral(context().0, bad).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidInput);
        assert!(refused.public_message().contains(words), "{refused}");
    }

    let zod = Dependency { name: "zod".to_owned(), version: "3".to_owned() };
    let needs_docker = EphemeralJob { dependencies: vec![zod], ..job };
    let refused = test.app.runner.run_ephemeral(context().0, needs_docker).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::EngineUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_lets_calls_run_on_for_its_grace() {
    let test = TestApp::new();
    make(&test, json!({ "code": "hang" })).await;
    let runner = Arc::clone(&test.app.runner);
    let call = tokio::spawn(async move { runner.call(context().0, "text.echo", None).await });
    until(async || test.engine.running() > 0).await;
    let started = tokio::time::Instant::now();
    test.lifecycle.drain().await;
    assert_eq!(started.elapsed(), Duration::from_secs(10), "the grace, by the paused clock");
    let result = call.await.unwrap().unwrap();
    assert!(matches!(&result.output, Output::Failed(e) if e.code() == ErrorCode::Cancelled));

    let late = test.app.runner.call(context().0, "text.echo", None).await.unwrap_err();
    assert_eq!(late.code(), ErrorCode::Cancelled, "nothing new runs");
    test.app.catalog.delete("text.echo", Expected::Any).await.unwrap();
}
