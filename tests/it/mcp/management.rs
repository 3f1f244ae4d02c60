//! `dynamic.tool.*` as a client uses them.

use dynamic_mcp::domain::{AccessPolicy, GuardLimits};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp};
use crate::support::client::{DuplexClient, LATEST_SESSION, Served};

fn structured(result: &Value) -> &Value {
    // Clients without structured content see the same as text.
    if result["isError"] == false {
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);
    }
    &result["structuredContent"]
}

#[tokio::test]
async fn a_tool_lives_from_create_to_delete() {
    let mut served = Served::open().await;
    let client = &mut served.client;

    let tool = client.create("text.echo", "echo").await;
    assert_eq!(tool["revision"], 1);
    assert_eq!(tool["codeSizeBytes"], 4);
    assert_eq!(tool["engineResolved"], "embedded");
    assert_eq!(tool["createdAt"], "2026-01-01T00:00:00.000Z");
    assert!(tool.get("code").is_none());
    assert!(client.names().await.contains(&"text.echo".to_owned()));

    let patch = json!({ "code": "return 2", "title": "Two" });
    let arguments = json!({ "name": "text.echo", "patch": patch, "expectedRevision": 1 });
    let updated = client.call("dynamic.tool.update", arguments.clone()).await;
    assert_eq!(structured(&updated)["tool"]["revision"], 2);
    assert_eq!(structured(&updated)["tool"]["title"], "Two");

    let conflict = client.call("dynamic.tool.update", arguments).await;
    assert_eq!(conflict["isError"], true);
    assert!(conflict["content"][0]["text"].as_str().unwrap().contains("conflict"));
    let said = structured(&conflict);
    assert_eq!(said["code"], "revision_conflict");
    assert_eq!(said["details"], json!({ "expected": 1, "actual": 2 }));
    assert_eq!(said["ok"], false);
    assert!(said["durationMs"].is_u64() && said["retryable"].is_boolean());

    let got = client.call("dynamic.tool.get", json!({ "name": "text.echo" })).await;
    assert_eq!(structured(&got)["tool"]["code"], "return 2");
    let listed = client.call("dynamic.tool.list", json!({})).await;
    assert!(structured(&listed)["tools"][0].get("code").is_none());
    let listed = client.call("dynamic.tool.list", json!({ "includeCode": true })).await;
    assert_eq!(structured(&listed)["tools"][0]["code"], "return 2");

    let off = json!({ "name": "text.echo", "enabled": false });
    let off = client.call("dynamic.tool.enable", off).await;
    assert_eq!(structured(&off)["tool"]["enabled"], false);
    assert!(!client.names().await.contains(&"text.echo".to_owned()));
    let called = client.call("text.echo", json!({})).await;
    assert_eq!(called["structuredContent"]["code"], "not_found");
    assert!(called["content"][0]["text"].as_str().unwrap().contains("dynamic.tool.enable"));

    let stale = json!({ "name": "text.echo", "expectedRevision": 2 });
    let stale = client.call("dynamic.tool.delete", stale).await;
    assert_eq!(stale["structuredContent"]["code"], "revision_conflict");
    let gone = client.call("dynamic.tool.delete", json!({ "name": "text.echo" })).await;
    assert_eq!(structured(&gone), &json!({ "name": "text.echo", "deleted": true }));
    let again = client.create("text.echo", "echo").await;
    assert_eq!(again["revision"], 4);
}

async fn with_admin(access: AccessPolicy) -> (Served, DuplexClient) {
    let setup = Setup { access, admin_token: Some("s3cret"), ..Setup::default() };
    let served = Served::new(TestApp::with(setup));
    let mut client = served.connect();
    client.initialize(LATEST_SESSION).await;
    (served, client)
}

#[tokio::test]
async fn management_needs_the_admin_token_where_there_is_one() {
    let access = AccessPolicy { admin_required: true, read_only: false };
    let (_served, mut client) = with_admin(access).await;
    let tool = json!({ "name": "text.echo", "description": "d", "code": "echo" });
    let calls = [
        ("dynamic.tool.create", json!({ "tool": tool })),
        ("dynamic.tool.update", json!({ "name": "text.echo", "patch": { "title": "T" } })),
        ("dynamic.tool.enable", json!({ "name": "text.echo", "enabled": true })),
        ("dynamic.tool.get", json!({ "name": "text.echo" })),
        ("dynamic.tool.list", json!({})),
        ("dynamic.tool.delete", json!({ "name": "text.echo" })),
    ];
    for (tool, arguments) in calls {
        for wrong in [None, Some(json!("guess")), Some(json!("")), Some(Value::Null)] {
            let mut arguments = arguments.clone();
            if let Some(wrong) = wrong {
                arguments["adminToken"] = wrong;
            }
            let refused = client.call(tool, arguments).await;
            assert_eq!(refused["structuredContent"]["code"], "unauthorized", "{tool}: {refused}");
            assert!(!refused.to_string().contains("guess"), "{refused}");
        }
        let mut wrong_type = arguments.clone();
        wrong_type["adminToken"] = json!(7_654_321);
        let refused = client.call(tool, wrong_type).await;
        assert_eq!(refused["structuredContent"]["code"], "invalid_input", "{refused}");
        assert!(!refused.to_string().contains("7654321"), "{refused}");

        let mut right = arguments.clone();
        right["adminToken"] = json!("s3cret");
        let done = client.call(tool, right).await;
        assert_eq!(done["isError"], false, "{tool}: {done}");
        assert!(!done.to_string().contains("s3cret"), "{done}");
    }
}

#[tokio::test]
async fn a_read_only_server_lists_and_runs() {
    let (served, mut client) =
        with_admin(AccessPolicy { admin_required: false, read_only: true }).await;
    let tool = json!({ "name": "text.echo", "description": "d", "code": "echo" });
    let refused = client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    assert_eq!(refused["structuredContent"]["code"], "read_only");
    let listed = client.call("dynamic.tool.list", json!({})).await;
    assert_eq!(listed["isError"], false);
    let ran = client.call("run_js_ephemeral", json!({ "code": "return 1" })).await;
    assert_eq!(ran["structuredContent"]["result"], 1);
    drop(served);
}

#[tokio::test]
async fn the_guard_counts_each_tool_in_its_own_scope() {
    let guard = GuardLimits { max_concurrency: 1, ..GuardLimits::default() };
    let mut served = Served::new(TestApp::with(Setup { guard, ..Setup::default() }));
    let client = &mut served.client;
    client.initialize(LATEST_SESSION).await;
    client.create("text.hang", "hang").await;
    let hanging = client
        .start(
            "tools/call",
            json!({ "name": "dynamic.tool.call", "arguments": { "name": "text.hang" } }),
        )
        .await;
    while served.test.app.gate.active() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = client.call("dynamic.tool.list", json!({})).await;
    assert_eq!(refused["structuredContent"]["code"], "too_busy");
    assert!(refused["structuredContent"]["details"]["retryAfterMs"].is_u64());
    // A look at the server itself is never refused.
    let health = client.call("system.health", json!({})).await;
    assert_eq!(health["structuredContent"]["status"], "ok");
    client.notify("notifications/cancelled", json!({ "requestId": hanging })).await;
    while served.test.app.gate.active() > 0 {
        tokio::task::yield_now().await;
    }
    let tallies = served.test.app.gate.tallies();
    let scopes: Vec<_> = tallies.iter().map(|(scope, _)| scope.as_str()).collect();
    assert_eq!(scopes, ["dynamic.exec.text.hang", "dynamic.tool.create", "dynamic.tool.list"]);
}

#[tokio::test]
async fn definitions_that_break_a_rule_say_which() {
    let mut served = Served::open().await;
    for (field, value, says) in [
        ("name", json!("x"), "3 to 64 characters"),
        ("name", json!("n".repeat(65)), "3 to 64 characters"),
        ("name", json!("system.mine"), "reserved"),
        ("name", json!("dynamic_tool_create"), "reserved"),
        ("title", json!("t".repeat(121)), "title must have 1 to 120 characters, not 121"),
        ("description", json!(""), "description must have 1 to 4000 characters, not 0"),
        ("description", json!("d".repeat(4_001)), "not 4001"),
        ("code", json!(""), "code must have 1 to 200000 characters, not 0"),
        ("code", json!("c".repeat(200_001)), "not 200001"),
        ("code", json!("syntax!"), "line 1, column 1"),
        ("inputSchema", json!({ "type": "array" }), "inputSchema: the schema's type must be"),
        ("inputSchema", json!({ "required": "a" }), "inputSchema: the schema is not valid"),
        ("outputSchema", json!({ "x": "y".repeat(100_001) }), "outputSchema: the schema has"),
        ("tags", json!(vec!["t"; 33]), "tags may have at most 32 entries, not 33"),
        ("tags", json!(["t".repeat(65)]), "each tag must have 1 to 64 characters"),
        ("icons", json!([{ "src": "file:///etc/passwd" }]), "https: or data:"),
        ("image", json!("evil:latest"), "evil"),
        ("timeoutMs", json!(999), "timeoutMs must be 1000 to 120000 milliseconds, not 999"),
        ("timeoutMs", json!(120_001), "not 120001"),
        ("dependencies", json!([{ "name": "npm", "version": "1" }]), "'npm' is blocked"),
        ("permissions", json!({ "net": ["https://example.com"] }), "does not grant"),
        ("examples", json!(vec![json!({ "args": {} }); 33]), "examples may have at most 32"),
    ] {
        let mut tool = json!({ "name": "text.echo", "description": "d", "code": "echo" });
        tool[field] = value;
        let refused = served.client.call("dynamic.tool.create", json!({ "tool": tool })).await;
        let said = &refused["structuredContent"];
        let code = said["code"].as_str().unwrap();
        assert!(code == "invalid_tool" || code == "permission_denied", "{field}: {said}");
        assert!(said["error"].as_str().unwrap().contains(says), "{field}: {said}");
        assert!(said["error"].as_str().unwrap().len() < 500, "{field}: {said}");
    }
    assert!(served.test.app.catalog.snapshot().is_empty());
}
