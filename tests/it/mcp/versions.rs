//! `dynamic.tool.history` and `dynamic.tool.rollback`.

use dynamic_mcp::domain::AccessPolicy;
use dynamic_mcp::domain::tool::ToolPolicy;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp};
use crate::support::client::Served;

async fn with_past() -> Served {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    client.create("text.echo", "echo").await;
    for patch in [json!({ "code": "return 2" }), json!({ "title": "Two" })] {
        client.call("dynamic.tool.update", json!({ "name": "text.echo", "patch": patch })).await;
    }
    served
}

fn revisions(history: &Value) -> Vec<u64> {
    let revisions = history["structuredContent"]["revisions"].as_array().unwrap();
    revisions.iter().map(|revision| revision["revision"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_rollback_is_a_new_revision_with_the_old_definition() {
    let mut served = with_past().await;
    let client = &mut served.client;
    let history = client.call("dynamic.tool.history", json!({ "name": "text_echo" })).await;
    assert_eq!(revisions(&history), [3, 2, 1]);
    let entries = &history["structuredContent"]["revisions"];
    assert_eq!(entries[0]["change"], "update");
    assert_eq!(entries[2]["change"], "create");
    assert_eq!(entries[0]["actor"], "local");
    assert_eq!(entries[2]["updatedAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(entries[0]["digest"], entries[1]["digest"], "a title changes no behaviour");
    assert!(!history.to_string().contains("return 2"), "a history shows no code");

    let off = json!({ "name": "text.echo", "enabled": false });
    client.call("dynamic.tool.enable", off).await;
    let back = json!({ "name": "text.echo", "toRevision": 1, "expectedRevision": 4 });
    let back = client.call("dynamic.tool.rollback", back).await;
    let tool = &back["structuredContent"]["tool"];
    assert_eq!((&tool["revision"], &tool["digest"]), (&json!(5), &entries[2]["digest"]));
    assert!(tool.get("title").is_none());
    assert_eq!(tool["enabled"], false, "whether it is enabled stays");
    let got = client.call("dynamic.tool.get", json!({ "name": "text.echo" })).await;
    assert_eq!(got["structuredContent"]["tool"]["code"], "echo");
    let history = json!({ "name": "text.echo", "limit": 2 });
    let history = client.call("dynamic.tool.history", history).await;
    assert_eq!(revisions(&history), [5, 4]);
    assert_eq!(history["structuredContent"]["revisions"][0]["change"], "rollback");

    // The rollback itself can be undone.
    let again = json!({ "name": "text.echo", "toRevision": 4 });
    let again = client.call("dynamic.tool.rollback", again).await;
    assert_eq!(again["structuredContent"]["tool"]["title"], "Two");
}

#[tokio::test]
async fn a_rollback_that_can_not_be_says_why_and_changes_nothing() {
    let mut served = with_past().await;
    let client = &mut served.client;
    for (arguments, code, says) in [
        (json!({ "toRevision": 1, "expectedRevision": 2 }), "revision_conflict", "conflict"),
        (json!({ "toRevision": 9 }), "not_found", "dynamic.tool.history"),
        (json!({ "toRevision": 3 }), "invalid_input", "at revision 3 already"),
        (json!({ "toRevision": 0 }), "invalid_input", "an integer of 1 or more"),
        (json!({ "toRevision": "1" }), "invalid_input", "/toRevision"),
        (json!({}), "invalid_input", "'toRevision' is required"),
        (json!({ "name": "no.such", "toRevision": 1 }), "not_found", "no.such"),
        (json!({ "to": 1 }), "invalid_input", "adminToken"),
    ] {
        let mut all = json!({ "name": "text.echo" });
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        let refused = client.call("dynamic.tool.rollback", all).await;
        let said = &refused["structuredContent"];
        assert_eq!(said["code"], code, "{arguments}: {said}");
        assert!(said["error"].as_str().unwrap().contains(says), "{arguments}: {said}");
    }
    let got = client.call("dynamic.tool.get", json!({ "name": "text.echo" })).await;
    assert_eq!(got["structuredContent"]["tool"]["revision"], 3);
}

/// What an operator has forbidden since does not come back.
#[tokio::test]
async fn a_rollback_keeps_the_rules_that_hold_now() {
    let mut before = with_past().await;
    let patch = json!({ "name": "text.echo", "patch": { "timeoutMs": 120_000 } });
    before.client.call("dynamic.tool.update", patch).await;
    let patch = json!({ "name": "text.echo", "patch": { "timeoutMs": null } });
    before.client.call("dynamic.tool.update", patch).await;
    let policy = ToolPolicy { max_timeout_ms: 60_000, ..ToolPolicy::default() };
    let store = before.test.store.clone();
    let now = TestApp::with(Setup { policy, store, ..Setup::default() });
    now.app.catalog.reload().await.unwrap();
    let mut served = Served::enterprise(now).await;
    let back = json!({ "name": "text.echo", "toRevision": 4 });
    let refused = served.client.call("dynamic.tool.rollback", back).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("timeoutMs"));
    let back = json!({ "name": "text.echo", "toRevision": 1 });
    let done = served.client.call("dynamic.tool.rollback", back).await;
    assert_eq!(done["structuredContent"]["tool"]["revision"], 6, "{done}");
}

#[tokio::test]
async fn a_deleted_tool_s_history_stays() {
    let mut served = with_past().await;
    let client = &mut served.client;
    client.call("dynamic.tool.delete", json!({ "name": "text.echo" })).await;
    let history = client.call("dynamic.tool.history", json!({ "name": "text.echo" })).await;
    assert_eq!(revisions(&history), [3, 2, 1]);
    for name in ["never.was", "not a name"] {
        let refused = client.call("dynamic.tool.history", json!({ "name": name })).await;
        assert_eq!(refused["structuredContent"]["code"], "not_found", "{refused}");
    }
    let back = json!({ "name": "text.echo", "toRevision": 1 });
    let refused = client.call("dynamic.tool.rollback", back).await;
    assert_eq!(refused["structuredContent"]["code"], "not_found", "{refused}");
}

#[tokio::test]
async fn racing_rollbacks_of_one_revision_come_to_one() {
    let mut served = with_past().await;
    let mut others: Vec<_> = (0..8).map(|_| served.connect()).collect();
    let back = json!({ "name": "text.echo", "toRevision": 1, "expectedRevision": 3 });
    let calls = others.iter_mut().map(|client| {
        let back = back.clone();
        async move {
            client.initialize("2025-11-25").await;
            client.call("dynamic.tool.rollback", back).await
        }
    });
    let done = futures_util::future::join_all(calls).await;
    assert_eq!(done.iter().filter(|result| result["isError"] == false).count(), 1, "{done:?}");
    let history = served.client.call("dynamic.tool.history", json!({ "name": "text.echo" })).await;
    assert_eq!(revisions(&history), [4, 3, 2, 1]);
}

#[tokio::test]
async fn looking_back_needs_the_admin_token_and_going_back_a_server_that_can_be_changed() {
    let access = AccessPolicy { admin_required: true, read_only: true };
    let setup = Setup { access, admin_token: Some("s3cret"), ..Setup::default() };
    let mut served = Served::enterprise(TestApp::with(setup)).await;
    let name = json!({ "name": "text.echo" });
    for tool in ["dynamic.tool.history", "dynamic.tool.rollback", "dynamic.tool.test"] {
        let refused = served.client.call(tool, name.clone()).await;
        assert_eq!(refused["structuredContent"]["code"], "unauthorized", "{tool}: {refused}");
    }
    let back = json!({ "name": "text.echo", "toRevision": 1, "adminToken": "s3cret" });
    let refused = served.client.call("dynamic.tool.rollback", back).await;
    assert_eq!(refused["structuredContent"]["code"], "read_only", "{refused}");
    let looked = json!({ "name": "text.echo", "adminToken": "s3cret" });
    let looked = served.client.call("dynamic.tool.history", looked).await;
    assert_eq!(looked["structuredContent"]["code"], "not_found", "{looked}");
}
