//! Protocol revisions, each as its clients speak it.

use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{LATEST_SESSION, STATELESS, Served};

#[tokio::test]
async fn every_revision_with_sessions_is_served() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", LATEST_SESSION] {
        let mut served = Served::new(TestApp::new());
        let hello = served.client.initialize(version).await;
        assert_eq!(hello["protocolVersion"], version);
        served.client.create("text.echo", "echo").await;
        let result = served.client.call("text.echo", json!({ "a": 1 })).await;
        assert_eq!(result["structuredContent"]["result"], json!({ "a": 1 }));
        assert!(result.get("resultType").is_none());
        let listed = served.client.request("tools/list", json!({})).await;
        assert!(listed["result"].get("ttlMs").is_none(), "{version}");
        let pong = served.client.request("ping", json!({})).await;
        assert_eq!(pong["result"], json!({}));
    }
}

#[tokio::test]
async fn an_unknown_revision_is_answered_with_the_newest_that_has_sessions() {
    for version in ["1999-01-01", "2099-01-01", STATELESS] {
        let mut served = Served::new(TestApp::new());
        let hello = served.client.initialize(version).await;
        assert_eq!(hello["protocolVersion"], LATEST_SESSION, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_handshake_leaves_the_session_one_session() {
    let mut served = Served::open().await;
    let client = &mut served.client;
    for version in ["2099-01-01", STATELESS, "2025-06-18", "no date"] {
        client.initialize(version).await;
        for (method, params) in
            [("ping", json!({})), ("logging/setLevel", json!({"level": "info"}))]
        {
            let answer = client.request(method, params).await;
            assert_eq!(answer["result"], json!({}), "{version}: {answer}");
        }
    }
    client.create("text.echo", "echo").await;
    client.notification("notifications/tools/list_changed").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.call("system.health", json!({})).await;
    assert_eq!(client.pending("notifications/tools/list_changed"), 0);
}

#[tokio::test]
async fn the_revision_without_sessions_needs_no_handshake() {
    let mut served = Served::new(TestApp::new());
    let client = &mut served.client;
    client.stateless();
    let discovered = client.request("server/discover", json!({})).await;
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert_eq!(versions.len(), 5);
    assert!(discovered["result"]["instructions"].as_str().unwrap().contains("dynamic.tool.create"));

    client.create("text.echo", "echo").await;
    let listed = client.request("tools/list", json!({})).await;
    assert_eq!(listed["result"]["resultType"], "complete");
    assert_eq!(listed["result"]["cacheScope"], "private");
    assert!(listed["result"]["ttlMs"].is_u64());

    let rich = r#"rich {"content":[{"type":"text","text":"a"}]}"#;
    for code in ["return 1", "fail tool_error no", rich] {
        let result = client.call("run_js_ephemeral", json!({ "code": code })).await;
        assert_eq!(result["resultType"], "complete", "{code}");
    }
    // Any value may be structured content here; older revisions want an object.
    let tool = json!({
        "name": "text.list", "description": "d", "code": "return [1]",
        "outputSchema": { "type": "array" },
    });
    client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    let result = client.call("text.list", json!({})).await;
    assert_eq!(result["structuredContent"], json!([1]));
    let by_name = client.call("dynamic.tool.call", json!({ "name": "text.list" })).await;
    assert_eq!(by_name["structuredContent"]["result"], json!([1]));

    let mut older = served.connect();
    older.initialize(LATEST_SESSION).await;
    let result = older.call("text.list", json!({})).await;
    assert!(result.get("structuredContent").is_none());
    assert_eq!(result["content"][0]["text"], "[1]");

    let level = served.client.request("logging/setLevel", json!({ "level": "info" })).await;
    assert_eq!(level["error"]["code"], -32_601);
}
