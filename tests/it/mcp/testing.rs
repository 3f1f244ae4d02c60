//! `dynamic.tool.test`, and `MCP_DYNAMIC_TEST_ON_WRITE`.

use dynamic_mcp::domain::Caller;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::{Setup, TestApp, draft};
use crate::support::client::{LATEST_SESSION, Served};
use crate::support::wait::until;

fn echo(examples: &Value) -> Value {
    json!({ "name": "text.echo", "description": "d", "code": "echo", "examples": examples })
}

#[tokio::test]
async fn each_example_is_run_and_compared() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    let tool = echo(&json!([
        { "name": "same", "args": { "a": 1, "b": [true] }, "result": { "b": [true], "a": 1.0 } },
        { "args": { "args": { "x": 1 } }, "result": { "x": 1 } },
        { "name": "only succeeds", "args": { "y": 1 } },
        { "name": "differs", "args": { "a": { "b": [1, 2] } }, "result": { "a": { "b": [1, 3] } } },
        { "name": "null", "args": { "a": 1 }, "result": null },
    ]));
    let tested = client.call("dynamic.tool.test", json!({ "tool": tool })).await;
    assert_eq!(tested["isError"], false, "{tested}");
    let said = &tested["structuredContent"];
    assert_eq!((&said["passed"], &said["failed"]), (&json!(3), &json!(2)), "{said}");
    let results = said["results"].as_array().unwrap();
    assert_eq!(results[0]["name"], "same");
    assert!(results[0]["passed"] == true && results[0]["durationMs"].is_u64());
    assert!(results[1].get("name").is_none() && results[1].get("error").is_none());
    assert_eq!(results[3]["pointer"], "/a/b/1");
    assert_eq!(results[3]["error"], "/a/b/1: expected 3, got 2");
    assert_eq!(results[4]["error"], "the result: expected null, got {\"a\":1}");
    assert!(served.test.app.catalog.snapshot().is_empty(), "a draft is not stored");

    let client = &mut served.client;
    client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    client.call("dynamic.tool.enable", json!({ "name": "text.echo", "enabled": false })).await;
    let stored = client.call("dynamic.tool.test", json!({ "name": "text_echo" })).await;
    assert_eq!(stored["structuredContent"]["failed"], 2, "disabled or not: {stored}");
}

#[tokio::test]
async fn a_call_that_fails_is_an_example_that_fails() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let with = |code: &str, more: Value| {
        let mut tool = echo(&json!([{ "args": {}, "result": 1 }]));
        tool["code"] = code.into();
        tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "tool": tool })
    };
    let schema = json!({ "type": "object", "required": ["a"] });
    for (tool, code, says) in [
        (with("fail timeout too slow", json!({})), json!("timeout"), "too slow"),
        (with("rich {\"isError\":true}", json!({})), json!("tool_error"), "isError"),
        (with("return 1", json!({ "inputSchema": schema })), json!("invalid_input"), "\"a\""),
        (with("return 1", json!({ "outputSchema": schema })), json!("invalid_output"), "(root)"),
        (with("return 1", json!({ "engine": "docker" })), json!("engine_unavailable"), "docker"),
    ] {
        let tested = served.client.call("dynamic.tool.test", tool.clone()).await;
        let said = &tested["structuredContent"];
        assert_eq!((&said["passed"], &said["failed"]), (&json!(0), &json!(1)), "{tool}: {tested}");
        assert_eq!(said["results"][0]["code"], code, "{said}");
        assert!(said["results"][0]["error"].as_str().unwrap().contains(says), "{said}");
    }
    let rich = with("rich {\"content\":[],\"structuredContent\":1}", json!({}));
    let tested = served.client.call("dynamic.tool.test", rich).await;
    assert_eq!(tested["structuredContent"]["passed"], 1, "{tested}");
}

#[tokio::test]
async fn what_can_not_be_tested_is_said() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    client.create("text.plain", "echo").await;
    let none = client.call("dynamic.tool.test", json!({ "name": "text.plain" })).await;
    assert_eq!(none["structuredContent"], json!({ "passed": 0, "failed": 0, "results": [] }));
    assert!(none["content"][1]["text"].as_str().unwrap().contains("no examples"));
    let mut wrong = echo(&json!([]));
    wrong["code"] = "syntax!".into();
    for (arguments, code) in [
        (json!({}), "invalid_input"),
        (json!({ "name": "text.plain", "tool": echo(&json!([])) }), "invalid_input"),
        (json!({ "name": "no.such" }), "not_found"),
        (json!({ "tool": wrong }), "invalid_tool"),
        (json!({ "tool": { "name": "text.x" } }), "invalid_input"),
    ] {
        let refused = client.call("dynamic.tool.test", arguments.clone()).await;
        assert_eq!(refused["structuredContent"]["code"], code, "{arguments}: {refused}");
    }
}

#[tokio::test]
async fn a_test_that_nobody_waits_for_ends() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let mut tool = echo(&json!([{ "args": {} }, { "args": {} }]));
    tool["code"] = "hang".into();
    let arguments = json!({ "name": "dynamic.tool.test", "arguments": { "tool": tool } });
    let hanging = served.client.start("tools/call", arguments).await;
    until(async || served.test.engine.running() > 0).await;
    served.client.notify("notifications/cancelled", json!({ "requestId": hanging })).await;
    while served.test.app.gate.active() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.test.engine.running(), 0);
}

/// The examples of a whole definition may not hold a call for much longer than one tool may run.
#[tokio::test(start_paused = true)]
async fn no_further_example_is_begun_when_the_time_is_up() {
    let test = TestApp::new();
    let examples: Vec<Value> = (0..10).map(|_| json!({ "args": {} })).collect();
    let draft = draft(&json!({ "code": "hang", "examples": examples }));
    let results =
        test.app.testing.draft(&Caller::local(), &CancellationToken::new(), draft).await.unwrap();
    let said: Vec<_> = results.into_iter().map(|result| result.failure.unwrap().message).collect();
    assert_eq!(said.len(), 10);
    assert!(said[0].contains("time limit"), "{said:?}");
    assert!(said[9].contains("not run"), "{said:?}");
    assert!(test.engine.started() < 10);
}

#[tokio::test]
async fn where_the_operator_wants_it_no_tool_is_kept_whose_examples_fail() {
    let mut served = Served::new(TestApp::with(Setup { test_on_write: true, ..Setup::default() }));
    let client = &mut served.client;
    client.initialize(LATEST_SESSION).await;
    let bad = echo(&json!([{ "args": {} }, { "name": "two", "args": { "a": 1 }, "result": 2 }]));
    let refused = client.call("dynamic.tool.create", json!({ "tool": bad })).await;
    let said = &refused["structuredContent"];
    assert_eq!(said["code"], "invalid_tool", "{refused}");
    let words = "1 of the tool's 2 examples failed";
    assert!(said["error"].as_str().unwrap().contains(words), "{said}");
    assert!(said["error"].as_str().unwrap().contains("example 2 'two': the result:"), "{said}");
    assert!(served.test.app.catalog.snapshot().is_empty());
    assert!(served.test.store.list().await.unwrap().tools.is_empty());

    let client = &mut served.client;
    let good = echo(&json!([{ "args": { "a": 1 }, "result": { "a": 1 } }]));
    let made = client.call("dynamic.tool.create", json!({ "tool": good })).await;
    assert_eq!(made["isError"], false, "{made}");
    let patch = json!({ "name": "text.echo", "patch": { "code": "return 5" } });
    let refused = client.call("dynamic.tool.update", patch).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    let live = client.call("text.echo", json!({ "a": 7 })).await;
    assert_eq!(live["structuredContent"]["result"], json!({ "a": 7 }), "the old version is live");

    // What changes no behaviour runs nothing.
    let before = served.test.engine.started();
    let patch = json!({ "name": "text.echo", "patch": { "title": "T" } });
    let client = &mut served.client;
    assert_eq!(client.call("dynamic.tool.update", patch).await["isError"], false);
    assert_eq!(served.test.engine.started(), before);
}

#[tokio::test]
async fn a_rollback_is_a_write_too() {
    let mut before = Served::enterprise(TestApp::new()).await;
    let bad = echo(&json!([{ "args": {}, "result": 2 }]));
    before.client.call("dynamic.tool.create", json!({ "tool": bad })).await;
    let patch = json!({ "name": "text.echo", "patch": { "examples": [{ "args": {} }] } });
    before.client.call("dynamic.tool.update", patch).await;
    let store = before.test.store.clone();
    let now = TestApp::with(Setup { store, test_on_write: true, ..Setup::default() });
    now.app.catalog.reload().await.unwrap();
    let mut served = Served::enterprise(now).await;
    let back = json!({ "name": "text.echo", "toRevision": 1 });
    let refused = served.client.call("dynamic.tool.rollback", back).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    let got = served.client.call("dynamic.tool.get", json!({ "name": "text.echo" })).await;
    assert_eq!(got["structuredContent"]["tool"]["revision"], 2);
}
