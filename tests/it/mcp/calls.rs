//! Calls of dynamic tools: results, failures, logs, progress, cancellation, panics.

use serde_json::{Value, json};

use crate::support::client::Served;
use crate::support::wait::until;

async fn create(served: &mut Served, fields: Value) {
    let mut tool = json!({ "name": "text.tool", "description": "d" });
    tool.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let created = served.client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    assert_eq!(created["isError"], false, "{created}");
}

#[tokio::test]
async fn a_value_comes_as_text_and_as_structure_with_a_receipt() {
    let mut served = Served::open().await;
    create(&mut served, json!({ "code": "echo" })).await;
    for (arguments, args, text) in [
        (json!({ "args": { "a": 1 } }), json!({ "a": 1 }), r#"{"a":1}"#),
        (json!({ "a": 1 }), json!({ "a": 1 }), r#"{"a":1}"#),
        (json!({ "args": "text" }), json!("text"), "text"),
        (json!({}), json!({}), "{}"),
    ] {
        let result = served.client.call("text.tool", arguments).await;
        assert_eq!(result["content"], json!([{ "type": "text", "text": text }]));
        let structured = &result["structuredContent"];
        assert_eq!((&structured["ok"], &structured["result"]), (&json!(true), &args));
        assert!(structured["durationMs"].is_u64());
        let receipt = &result["_meta"]["dynamic-mcp/receipt"];
        assert_eq!(receipt["tool"], "text.tool");
        assert_eq!(receipt["revision"], 1);
        assert_eq!(receipt["digest"].as_str().unwrap().len(), 64);
        assert_eq!(receipt["engine"], "embedded");
        assert_eq!(receipt["hosts"], json!([]));
    }
    // Without `arguments` at all.
    let answer = served.client.request("tools/call", json!({ "name": "text.tool" })).await;
    assert_eq!(answer["result"]["structuredContent"]["result"], json!({}));
}

#[tokio::test]
async fn schemas_are_kept_verbatim_and_hold_before_and_after() {
    let mut served = Served::open().await;
    let input = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["a"],
        "$defs": { "x": { "$anchor": "y", "type": "string", "x-mcp-header": "X-Y" } },
    });
    let output = json!({ "type": "object", "required": ["b"], "x-own": [1] });
    let fields = json!({ "code": "echo", "inputSchema": input, "outputSchema": output });
    create(&mut served, fields).await;
    let listed = served.client.request("tools/list", json!({})).await;
    let tool = listed["result"]["tools"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&tool["inputSchema"], &tool["outputSchema"]), (&input, &output));

    let good = served.client.call("text.tool", json!({ "a": 1, "b": 2 })).await;
    assert_eq!(good["structuredContent"], json!({ "a": 1, "b": 2 }));

    // A failure's own object would not fit the schema that clients hold it against.
    let bad_input = served.client.call("text.tool", json!({ "b": 2 })).await;
    assert_eq!(bad_input["isError"], true);
    assert!(bad_input.get("structuredContent").is_none(), "{bad_input}");
    let failure = &bad_input["_meta"]["dynamic-mcp/error"];
    assert_eq!(failure["code"], "invalid_input");
    assert_eq!(failure["details"]["violations"][0]["pointer"], "");
    assert!(bad_input["content"][0]["text"].as_str().unwrap().contains("\"a\""));

    let bad_output = served.client.call("text.tool", json!({ "a": 1 })).await;
    assert_eq!(bad_output["_meta"]["dynamic-mcp/error"]["code"], "invalid_output");
    assert_eq!(bad_output["_meta"]["dynamic-mcp/receipt"]["revision"], 1);

    // By the built-in tool, whose schema fits every object, it is there.
    let arguments = json!({ "name": "text.tool", "arguments": { "a": 1 } });
    let by_name = served.client.call("dynamic.tool.call", arguments).await;
    assert_eq!(by_name["structuredContent"]["code"], "invalid_output");
}

#[tokio::test]
async fn content_made_by_the_code_passes_through() {
    let mut served = Served::open().await;
    let content = json!([
        { "type": "image", "data": "aGk=", "mimeType": "image/png" },
        { "type": "resource_link", "uri": "x:1", "name": "x" },
    ]);
    let rich = json!({
        "content": content,
        "_meta": { "own": 1, "dynamic-mcp/receipt": "forged" },
    });
    create(&mut served, json!({ "code": format!("rich {rich}") })).await;
    let result = served.client.call("text.tool", json!({})).await;
    assert_eq!(result["content"], content);
    assert!(result.get("structuredContent").is_none());
    assert_eq!(result["_meta"]["own"], 1);
    assert_eq!(result["_meta"]["dynamic-mcp/receipt"]["tool"], "text.tool");
    // Clients demand structure of a tool that promises it.
    let by_name = served.client.call("dynamic.tool.call", json!({ "name": "text.tool" })).await;
    assert_eq!(by_name["content"], content);
    assert_eq!(by_name["structuredContent"]["ok"], true);

    let run = json!({ "code": r#"rich {"isError":true,"content":[{"type":"text","text":"no"}]}"# });
    let failed = served.client.call("run_js_ephemeral", run).await;
    assert_eq!(failed["isError"], true);
    assert_eq!(failed["structuredContent"]["ok"], false);
    assert!(failed["_meta"]["dynamic-mcp/receipt"].get("tool").is_none());

    let run = json!({ "code": r#"rich {"content":[{"type":"video"}]}"# });
    let refused = served.client.call("run_js_ephemeral", run).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_output");
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("content/0"));
}

#[tokio::test]
async fn failures_are_results_that_say_what_happened() {
    let mut served = Served::open().await;
    create(&mut served, json!({ "code": "fail timeout it took dynamic.tool.list too long" })).await;
    let result = served.client.call("text_tool", json!({})).await;
    assert_eq!(result["isError"], true);
    let text = "it took dynamic.tool.list too long";
    assert_eq!(result["content"], json!([{ "type": "text", "text": text }]));
    let failure = &result["structuredContent"];
    assert_eq!((&failure["ok"], &failure["code"]), (&json!(false), &json!("timeout")));
    assert_eq!(failure["error"], text);
    assert!(failure["retryable"].is_boolean() && failure["durationMs"].is_u64());

    let missing = served.client.call("dynamic.tool.call", json!({ "name": "no.such" })).await;
    assert_eq!(missing["structuredContent"]["code"], "not_found");
    let builtin = served.client.call("dynamic.tool.call", json!({ "name": "system_health" })).await;
    assert_eq!(builtin["structuredContent"]["code"], "invalid_input");
}

#[tokio::test]
async fn logs_come_where_they_were_asked_for_and_before_the_result() {
    let mut served = Served::open().await;
    let code = "log debug one\nlog info two\nlog error three\nreturn 1";
    create(&mut served, json!({ "code": code })).await;
    served.client.call("text.tool", json!({})).await;
    assert_eq!(served.client.pending("notifications/message"), 0);

    served.client.request("logging/setLevel", json!({ "level": "info" })).await;
    served.client.call("text.tool", json!({})).await;
    assert_eq!(served.client.pending("notifications/message"), 2);
    let message = served.client.notification("notifications/message").await;
    let expected = json!({ "level": "info", "logger": "text.tool", "data": "two" });
    assert_eq!(message["params"], expected);

    // Another session did not ask.
    let mut other = served.connect();
    other.initialize("2025-06-18").await;
    other.call("text.tool", json!({})).await;
    assert_eq!(other.pending("notifications/message"), 0);

    // Without sessions each request says it for itself.
    let mut stateless = served.connect();
    stateless.stateless();
    stateless.call("text.tool", json!({})).await;
    assert_eq!(stateless.pending("notifications/message"), 0);
    stateless.meta("io.modelcontextprotocol/logLevel", json!("error"));
    stateless.call("text.tool", json!({})).await;
    assert_eq!(stateless.pending("notifications/message"), 1);
}

#[tokio::test]
async fn progress_only_grows_and_carries_the_callers_token() {
    let mut served = Served::open().await;
    let code = "progress 0 100\nprogress 50 100\nprogress 20 100\nprogress 100 100\nreturn 1";
    create(&mut served, json!({ "code": code })).await;
    served.client.call("text.tool", json!({})).await;
    assert_eq!(served.client.pending("notifications/progress"), 0);

    served.client.meta("progressToken", json!("mine"));
    served.client.call("text.tool", json!({})).await;
    assert_eq!(served.client.pending("notifications/progress"), 3);
    for done in [0.0, 50.0, 100.0] {
        let progress = served.client.notification("notifications/progress").await;
        let expected = json!({ "progressToken": "mine", "progress": done, "total": 100.0 });
        assert_eq!(progress["params"], expected);
    }
}

#[tokio::test]
async fn words_without_end_about_progress_are_cut() {
    let mut served = Served::open().await;
    let code = format!("progress 1 2 {}\nreturn 1", "é ".repeat(50_000));
    create(&mut served, json!({ "code": code })).await;
    served.client.meta("progressToken", json!("mine"));
    served.client.call("text.tool", json!({})).await;
    let progress = served.client.notification("notifications/progress").await;
    let message = progress["params"]["message"].as_str().unwrap();
    assert_eq!(message, format!("{}…", "é ".repeat(500)));
}

#[tokio::test]
async fn a_flood_of_logs_does_not_hold_up_the_call() {
    let mut served = Served::open().await;
    served.client.request("logging/setLevel", json!({ "level": "debug" })).await;
    let code = "log info x\n".repeat(10_000) + "return 1";
    create(&mut served, json!({ "code": code })).await;
    let result = served.client.call("text.tool", json!({})).await;
    assert_eq!(result["structuredContent"]["result"], 1);
    let told = served.client.pending("notifications/message");
    assert!((1..=10_000).contains(&told), "{told}");
}

#[tokio::test]
async fn cancelling_kills_the_call() {
    let mut served = Served::open().await;
    create(&mut served, json!({ "code": "hang" })).await;
    for arguments in [
        json!({ "name": "text.tool" }),
        json!({ "name": "dynamic.tool.call", "arguments": { "name": "text.tool" } }),
        json!({ "name": "run_js_ephemeral", "arguments": { "code": "hang" } }),
    ] {
        let id = served.client.start("tools/call", arguments).await;
        until(async || served.test.engine.running() > 0).await;
        served.client.notify("notifications/cancelled", json!({ "requestId": id })).await;
        until(async || served.test.engine.running() == 0).await;
        // Not answered any more; the session goes on.
        served.client.call("system.health", json!({})).await;
    }
    assert_eq!(served.test.app.gate.active(), 0);
}

#[tokio::test]
async fn a_panic_is_answered_and_the_session_goes_on() {
    let mut served = Served::open().await;
    create(&mut served, json!({ "code": "panic" })).await;
    for (tool, arguments) in [
        ("text.tool", json!({})),
        ("dynamic.tool.call", json!({ "name": "text.tool" })),
        ("run_js_ephemeral", json!({ "code": "panic" })),
    ] {
        let result = served.client.call(tool, arguments).await;
        assert_eq!(result["isError"], true);
        assert_eq!(result["structuredContent"]["code"], "internal");
        assert!(!result.to_string().contains("script said so"), "{result}");
    }
    assert_eq!(served.test.app.gate.active(), 0);
    served.client.call("system.health", json!({})).await;
}
