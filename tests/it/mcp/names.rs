//! Names: two spellings, one meaning; what strict clients are shown; names from outside that collide.

use std::sync::Arc;

use dynamic_mcp::adapters::inbound::mcp::McpOptions;
use dynamic_mcp::adapters::outbound::store::memory::MemoryStore;
use dynamic_mcp::app::config::NameStyle;
use dynamic_mcp::domain::tool::record::Edit;
use dynamic_mcp::domain::tool::{Change, EngineKind, ToolName, ToolPolicy, ToolRecord};
use dynamic_mcp::domain::{Actor, Profile};
use dynamic_mcp::ports::ToolStore as _;
use serde_json::json;

use crate::support::app::{Setup, TestApp, draft};
use crate::support::client::{LATEST_SESSION, Served};

#[tokio::test]
async fn both_spellings_are_accepted_everywhere() {
    let mut served = Served::open().await;
    let client = &mut served.client;
    client.create("text.upper:case", "return 1").await;
    for name in ["text.upper:case", "text_upper_case"] {
        assert_eq!(client.call(name, json!({})).await["structuredContent"]["result"], 1);
        for call in ["dynamic.tool.call", "dynamic_tool_call"] {
            let result = client.call(call, json!({ "name": name })).await;
            assert_eq!(result["structuredContent"]["result"], 1, "{result}");
        }
        let result = client.call("dynamic_tool_get", json!({ "name": name })).await;
        assert_eq!(result["structuredContent"]["tool"]["name"], "text.upper:case");
    }
    let deleted = client.call("dynamic_tool_delete", json!({ "name": "text_upper_case" })).await;
    assert_eq!(deleted["structuredContent"], json!({ "name": "text.upper:case", "deleted": true }));
}

#[tokio::test]
async fn strict_clients_are_shown_client_safe_names_only() {
    let served = Served::new(TestApp::new());
    let mut lenient = served.connect();
    lenient.initialize(LATEST_SESSION).await;
    lenient.create("text.upper", "return 1").await;
    lenient.create("text:lower", "return 1").await;
    let shown = lenient.names().await;
    assert!(shown.ends_with(&["text.upper".to_owned(), "text_lower".to_owned()]), "{shown:?}");

    let mut strict = served.connect().named("claude-ai");
    let hello = strict.initialize(LATEST_SESSION).await;
    assert!(!hello["instructions"].as_str().unwrap().contains("dynamic.tool"));
    let shown = strict.names().await;
    assert_eq!(shown.first().map(String::as_str), Some("dynamic_tool_create"));
    assert!(shown.iter().all(|name| !name.contains(['.', ':'])), "{shown:?}");
    // Texts too: the hint after a change, and errors that name a tool.
    let tool = json!({ "name": "a.b.c", "description": "d", "code": "echo" });
    let created = strict.call("dynamic_tool_create", json!({ "tool": tool })).await;
    let hint = created["content"][1]["text"].as_str().unwrap();
    assert!(hint.contains("a_b_c") && hint.contains("dynamic_tool_call"), "{hint}");
    let missing = strict.call("dynamic_tool_get", json!({ "name": "no.such" })).await;
    assert!(missing["content"][0]["text"].as_str().unwrap().contains("dynamic_tool_list"));

    // A stateless client is known by what it says of itself in each request.
    let mut stateless = served.connect().named("codex-mcp-client");
    stateless.stateless();
    assert_eq!(stateless.names().await.first().map(String::as_str), Some("dynamic_tool_create"));
}

/// A record as another program may have left it.
fn outside(name: &str) -> Arc<ToolRecord> {
    let fields = json!({ "name": "any.name", "code": format!("return \"{name}\"") });
    let (_, content) = draft(&fields).check(&ToolPolicy::default()).unwrap();
    let name = ToolName::parse_external(name).unwrap();
    let at = chrono::DateTime::from_timestamp_millis(0).unwrap();
    let edit = Edit { change: Change::External, actor: Actor::External, at };
    Arc::new(ToolRecord::create(name, content, true, EngineKind::Embedded, None, edit))
}

#[tokio::test]
async fn names_from_outside_that_collide_are_kept_and_callable() {
    let store = Arc::new(MemoryStore::new(50));
    for name in ["system.health", "text.a", "text_a", "text:a"] {
        store.insert(outside(name), 16).await.unwrap();
    }
    let test = TestApp::with(Setup { store, ..Setup::default() });
    test.app.catalog.reload().await.unwrap();
    let options = McpOptions { profile: Profile::Mvp, name_style: NameStyle::Auto };
    let served = Served::with(test, options);
    for (client, expected) in [
        ("test", ["system.health_2", "text.a", "text_a_2", "text_a"]),
        ("claude-ai", ["system_health_2", "text_a", "text_a_2", "text_a_3"]),
    ] {
        let mut client = served.connect().named(client);
        client.initialize(LATEST_SESSION).await;
        let mut shown = client.names().await.split_off(9);
        let mut sorted = expected.map(str::to_owned).to_vec();
        shown.sort();
        sorted.sort();
        assert_eq!(shown, sorted);
        let mut meant = Vec::new();
        for name in &shown {
            let result = client.call(name, json!({})).await;
            meant.push(result["structuredContent"]["result"].as_str().unwrap().to_owned());
        }
        meant.sort();
        assert_eq!(meant, ["system.health", "text.a", "text:a", "text_a"]);
        // The built-in keeps its name.
        let health = client.call("system.health", json!({})).await;
        assert_eq!(health["structuredContent"]["status"], "ok");
    }
}
