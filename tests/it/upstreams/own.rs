//! The built server as an upstream, over stdio and over HTTP.

use serde_json::json;

use super::site::{Site, own};
#[cfg(feature = "http")]
use super::site::{free_port, listens};
use crate::support::client::STATELESS;
use crate::support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn its_tools_are_listed_called_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let attached = site.attach(own("up", &folder)).await;
    assert_eq!(attached["connected"], true);
    assert_eq!(attached["server"]["name"], "dynamic-mcp");
    assert_eq!(attached["server"]["protocol"], STATELESS);
    site.until_listed("up.system.health", true).await;
    let health = site.client().call("up.system.health", json!({})).await;
    assert_eq!(health["structuredContent"]["status"], "ok", "{health}");
    assert_eq!(health["_meta"]["dynamic-mcp/receipt"]["upstream"], "up");

    // The upstream's list changes, and our client is told.
    let tool = json!({
        "name": "text.double",
        "description": "Doubles.",
        "code": "return args.text + args.text",
        "inputSchema": { "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] },
    });
    let before = site.client().pending("notifications/tools/list_changed");
    let made = site.client().call("up.dynamic.tool.create", json!({ "tool": tool })).await;
    assert_eq!(made["isError"], false, "{made}");
    if before == site.client().pending("notifications/tools/list_changed") {
        site.client().notification("notifications/tools/list_changed").await;
    }
    site.until_listed("up.text.double", true).await;

    let called = site.client().call("up.text.double", json!({ "text": "ab" })).await;
    assert_eq!(called["content"][0]["text"], "abab", "{called}");
    let safe = site.client().call("up_text_double", json!({ "text": "x" })).await;
    assert_eq!(safe["content"][0]["text"], "xx");
    let indirect = json!({ "name": "up.text.double", "arguments": { "text": "y" } });
    let indirect = site.client().call("dynamic.tool.call", indirect).await;
    assert_eq!(indirect["content"][0]["text"], "yy", "{indirect}");

    // Checked here, before the upstream hears of it.
    let wrong = site.client().call("up.text.double", json!({ "text": 1 })).await;
    assert_eq!(wrong["isError"], true);
    assert_eq!(wrong["structuredContent"]["code"], "invalid_input", "{wrong}");
    assert!(wrong["content"][0]["text"].as_str().unwrap().contains("/text"));

    assert_eq!(site.detach("up").await["detached"], true);
    assert!(!site.client().names().await.iter().any(|name| name.starts_with("up.")));
    let gone = json!({ "name": "up.text.double", "arguments": {} });
    assert_eq!(site.client().request("tools/call", gone).await["error"]["code"], -32602);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_through_and_a_cancelled_call_ends_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    site.attach(own("up", &folder)).await;
    let code = "for (let i = 1; i <= 3; i++) ctx.progress(i, 3, 'step ' + i); return 'done'";
    create(&mut site, "steps.three", code).await;
    site.until_listed("up.steps.three", true).await;
    site.client().meta("progressToken", "mine".into());
    let called = site.client().call("up.steps.three", json!({ "args": {} })).await;
    assert_eq!(called["isError"], false, "{called}");
    let progress = site.client().notification("notifications/progress").await;
    assert_eq!(progress["params"]["progressToken"], "mine");
    assert_eq!(progress["params"]["message"], "step 1");

    create(&mut site, "for.ever", "await new Promise(r => setTimeout(r, 25000)); return 1").await;
    site.until_listed("up.for.ever", true).await;
    let params = json!({ "name": "up.for.ever", "arguments": { "args": {} } });
    let id = site.client().start("tools/call", params).await;
    until(async || site.served.test.app.gate.active() != 0).await;
    site.client().notify("notifications/cancelled", json!({ "requestId": id })).await;
    until(async || site.served.test.app.gate.active() == 0).await;
    let after = site.client().call("up.system.health", json!({})).await;
    assert_eq!(after["isError"], false);
    site.end().await;
}

async fn create(site: &mut Site, name: &str, code: &str) {
    let tool = json!({ "name": name, "description": "A tool.", "code": code });
    let made = site.client().call("up.dynamic.tool.create", json!({ "tool": tool })).await;
    assert_eq!(made["isError"], false, "{made}");
}

#[cfg(feature = "http")]
#[tokio::test(flavor = "multi_thread")]
async fn over_http_too_and_back_again_after_its_restart() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = start(&folder, port).await;
    let mut site = Site::open().await;
    let url = format!("http://127.0.0.1:{port}/mcp");
    let attached = site.attach(json!({ "alias": "web", "transport": "http", "url": url })).await;
    assert_eq!(attached["target"], url);
    let health = site.client().call("web.system.health", json!({})).await;
    assert_eq!(health["structuredContent"]["status"], "ok", "{health}");
    create_over(&mut site, "web.dynamic.tool.create").await;
    site.until_listed("web.later.made", true).await;

    drop(server);
    let down = loop {
        let down = site.client().call("web.system.health", json!({})).await;
        if down["isError"] == true {
            break down;
        }
    };
    assert!(down["structuredContent"]["code"].is_null(), "{down}");
    let failure = &down["_meta"]["dynamic-mcp/error"];
    assert_eq!(failure["code"], "engine_unavailable", "{down}");

    let _server = start(&folder, port).await;
    until(async || site.client().call("web.system.health", json!({})).await["isError"] == false)
        .await;
    site.end().await;
}

#[cfg(feature = "http")]
async fn create_over(site: &mut Site, tool: &str) {
    let draft = json!({ "name": "later.made", "description": "A tool.", "code": "return 1" });
    let made = site.client().call(tool, json!({ "tool": draft })).await;
    assert_eq!(made["isError"], false, "{made}");
}

#[cfg(feature = "http")]
async fn start(folder: &tempfile::TempDir, port: u16) -> tokio::process::Child {
    let store = format!("--dynamic-store={}", folder.path().join("tools.redb").display());
    let process = tokio::process::Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"))
        .args([store, "--transport=http".to_owned(), format!("--port={port}")])
        .env_clear()
        .env("MCP_EXECUTION_ENGINE", "embedded")
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    listens(port).await;
    process
}
