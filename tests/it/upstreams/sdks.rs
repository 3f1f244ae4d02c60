//! Servers made with the official SDKs, as upstreams. `scripts/prepare` installs the SDKs.

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::site::{Site, free_port, listens};
use crate::e2e::clients::file;

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
