//! Servers made with the official SDKs, as upstreams. `scripts/prepare` installs the SDKs.

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::site::{Options, Site, free_port, listens};
use crate::e2e::clients::file;
use crate::support::client::LATEST_SESSION;

const PYTHON: [&str; 2] = ["target/clients/python/bin/python", "tests/e2e/servers/server.py"];
const TYPESCRIPT: [&str; 2] = ["target/clients/node", "tests/e2e/servers/server.mjs"];

fn stdio([command, program]: [&str; 2]) -> Value {
    json!({ "alias": "sdk", "transport": "stdio", "command": file(command), "args": [file(program)] })
}

async fn http([command, program]: [&str; 2]) -> (Child, Value) {
    let port = free_port();
    let mut server = Command::new(file(command));
    server.arg(file(program)).arg(port.to_string()).kill_on_drop(true);
    server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let server = server.spawn().unwrap();
    listens(port).await;
    let url = format!("http://127.0.0.1:{port}/mcp");
    (server, json!({ "alias": "sdk", "transport": "http", "url": url }))
}

async fn serves(draft: Value) -> Site {
    let mut site = Site::open().await;
    let attached = site.attach(draft).await;
    assert_eq!(attached["connected"], true, "{attached}");
    site.until_listed("sdk.add", true).await;
    let added = site.client().call("sdk.add", json!({ "a": 2, "b": 3 })).await;
    assert_eq!(added["isError"], false, "{added}");
    assert_eq!(added["content"][0]["text"], "5", "{added}");
    let failed = site.client().call("sdk.fail", json!({})).await;
    assert_eq!(failed["isError"], true, "{failed}");
    let wrong = site.client().call("sdk.add", json!({ "a": "x", "b": 3 })).await;
    assert_eq!(code(&wrong), "invalid_input", "{wrong}");
    site.client().meta("progressToken", "mine".into());
    let slow = site.client().call("sdk.slow", json!({})).await;
    assert_eq!(slow["isError"], false, "{slow}");
    let progress = site.client().notification("notifications/progress").await;
    assert_eq!(progress["params"]["progressToken"], "mine");
    site
}

/// Its list changes, and ours follows.
async fn grows(mut site: Site) {
    site.client().call("sdk.grow", json!({})).await;
    site.until_listed("sdk.grown", true).await;
    let called = site.client().call("sdk.grown", json!({})).await;
    assert_eq!(called["content"][0]["text"], "new", "{called}");
    site.end().await;
}

fn code(result: &Value) -> &Value {
    let own = &result["structuredContent"]["code"];
    if own.is_null() { &result["_meta"]["dynamic-mcp/error"]["code"] } else { own }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdks() {
    serves(stdio(PYTHON)).await.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdks_over_http() {
    let (_server, draft) = http(PYTHON).await;
    serves(draft).await.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdks() {
    grows(serves(stdio(TYPESCRIPT)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdks_over_http_with_sessions() {
    let (_server, draft) = http(TYPESCRIPT).await;
    grows(serves(draft).await).await;
}

/// A client with a session that can elicit and sample, and the server attached.
async fn asked(draft: Value) -> Site {
    let mut site = Site::unopened(Options::default());
    let able = json!({ "elicitation": {}, "sampling": {} });
    site.client().initialize_able(LATEST_SESSION, able).await;
    site.attach(draft).await;
    site
}

/// Its tool asks who calls, and greets.
async fn greets(site: &mut Site, tool: &str) {
    let id = site.client().start("tools/call", json!({ "name": tool, "arguments": {} })).await;
    let question = site.client().notification("elicitation/create").await;
    assert_eq!(question["params"]["message"], "Who?", "{question}");
    let answer = json!({ "action": "accept", "content": { "name": "Ann" } });
    site.client().reply(&question, answer).await;
    let done = site.client().answer(&id).await;
    assert_eq!(done["result"]["content"][0]["text"], "hello Ann", "{tool}: {done}");
}

/// What a server with sessions asks reaches a client with a session, on whichever stream it came.
async fn asks_in_a_session(mut site: Site) {
    greets(&mut site, "sdk.ask").await;
    greets(&mut site, "sdk.ask_here").await;
    let call = json!({ "name": "sdk.sample", "arguments": {} });
    let id = site.client().start("tools/call", call).await;
    let question = site.client().notification("sampling/createMessage").await;
    let content = json!({ "type": "text", "text": "Ho" });
    let answer = json!({ "role": "assistant", "model": "m", "content": content });
    site.client().reply(&question, answer).await;
    let done = site.client().answer(&id).await;
    assert_eq!(done["result"]["content"][0]["text"], "Ho", "{done}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdk_asks() {
    asks_in_a_session(asked(stdio(TYPESCRIPT)).await).await;
    asks_in_answers(stdio(TYPESCRIPT)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdk_asks_over_http_with_sessions() {
    let (_server, draft) = http(TYPESCRIPT).await;
    asks_in_a_session(asked(draft.clone()).await).await;
    asks_in_answers(draft).await;
}

/// What a server without sessions asks reaches both kinds of clients.
async fn asks_without_a_session(draft: Value) {
    let mut site = asked(draft.clone()).await;
    assert_eq!(site.listed("sdk").await["server"]["protocol"], "2026-07-28");
    greets(&mut site, "sdk.ask").await;
    site.end().await;

    asks_in_answers(draft).await;
}

/// A client without a session is asked by the answer to its call, whatever the server speaks.
async fn asks_in_answers(draft: Value) {
    let mut site = Site::unopened(Options::default());
    site.client().stateless();
    let able = json!({ "elicitation": { "form": {} } });
    site.client().meta("io.modelcontextprotocol/clientCapabilities", able);
    site.attach(draft).await;
    let mut call = json!({ "name": "sdk.ask", "arguments": {} });
    let asked = site.client().request("tools/call", call.clone()).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let questions = asked["inputRequests"].as_object().unwrap();
    let answer = json!({ "action": "accept", "content": { "name": "Ann" } });
    let answers = questions.keys().map(|key| (key.clone(), answer.clone()));
    call["inputResponses"] = Value::Object(answers.collect());
    call["requestState"] = asked["requestState"].clone();
    let done = site.client().request("tools/call", call).await;
    assert_eq!(done["result"]["content"][0]["text"], "hello Ann", "{done}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_asks() {
    asks_without_a_session(stdio(PYTHON)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_asks_over_http() {
    let (_server, draft) = http(PYTHON).await;
    asks_without_a_session(draft).await;
}
