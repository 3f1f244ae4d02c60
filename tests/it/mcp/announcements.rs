//! `list_changed`: to every session and subscription, soon, few for many changes, and never in the way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::{DuplexClient, LATEST_SESSION, Served};

const CHANGED: &str = "notifications/tools/list_changed";

async fn subscribe(client: &mut DuplexClient) -> Value {
    client.stateless();
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let id = client.start("subscriptions/listen", filter).await;
    let acknowledged = client.notification("notifications/subscriptions/acknowledged").await;
    assert_eq!(acknowledged["params"]["notifications"]["toolsListChanged"], true);
    id
}

#[tokio::test]
async fn every_session_and_subscription_is_told_whoever_made_the_change() {
    let mut served = Served::open().await;
    let mut sessions = Vec::new();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", LATEST_SESSION] {
        let mut client = served.connect();
        client.initialize(version).await;
        sessions.push(client);
    }
    let mut subscriber = served.connect();
    let id = subscribe(&mut subscriber).await;

    served.client.create("text.echo", "echo").await;
    served.client.notification(CHANGED).await;
    for client in &mut sessions {
        client.notification(CHANGED).await;
        assert!(client.names().await.contains(&"text.echo".to_owned()));
    }
    let told = subscriber.notification(CHANGED).await;
    let meta = &told["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], id);

    // A change that came from elsewhere.
    let tool = served.test.app.catalog.get("text.echo").unwrap().record().clone();
    let removed = dynamic_mcp::ports::StoreEvent::Removed(tool.name.clone(), tool.revision);
    served.test.app.catalog.absorb(removed).await.unwrap();
    sessions[0].notification(CHANGED).await;
    subscriber.notification(CHANGED).await;
    assert!(!sessions[0].names().await.contains(&"text.echo".to_owned()));
}

/// The change comes right behind the handshake.
#[tokio::test]
async fn a_change_right_after_initialize_is_not_missed() {
    let served = Served::open().await;
    for round in 0..20 {
        let mut client = served.connect();
        let hello = json!({
            "protocolVersion": LATEST_SESSION,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let tool = json!({ "name": format!("text.n{round}"), "description": "d", "code": "echo" });
        let create = json!({ "name": "dynamic.tool.create", "arguments": { "tool": tool } });
        client.start("initialize", hello).await;
        client.notify("notifications/initialized", json!({})).await;
        client.start("tools/call", create).await;
        client.notification(CHANGED).await;
        let delete = json!({ "name": format!("text.n{round}") });
        client.call("dynamic.tool.delete", delete).await;
        client.notification(CHANGED).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_told_once() {
    let mut served = Served::open().await;
    for number in 0..10 {
        served.client.create(&format!("text.n{number}"), "echo").await;
    }
    served.client.notification(CHANGED).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    served.client.call("system.health", json!({})).await;
    assert_eq!(served.client.pending(CHANGED), 0);
}

#[tokio::test]
async fn a_session_that_does_not_read_holds_up_nobody() {
    let mut served = Served::open().await;
    let mut stalled = served.connect();
    stalled.initialize(LATEST_SESSION).await;
    // Fills the stalled session's pipe to the brim: its answers are never read.
    for _ in 0..200 {
        stalled.start("tools/list", json!({})).await;
    }
    for round in 0..5 {
        served.client.create(&format!("text.n{round}"), "echo").await;
        served.client.notification(CHANGED).await;
    }
    // It is told as soon as it reads again.
    stalled.notification(CHANGED).await;
}

#[tokio::test]
async fn a_subscription_ends_with_its_cancellation_or_with_the_server() {
    let mut served = Served::open().await;
    let mut cancelled = served.connect();
    let id = subscribe(&mut cancelled).await;
    cancelled.notify("notifications/cancelled", json!({ "requestId": id })).await;
    let mut open = served.connect();
    let id = subscribe(&mut open).await;
    served.client.create("text.echo", "echo").await;
    open.notification(CHANGED).await;
    cancelled.request("tools/list", json!({})).await;
    assert_eq!(cancelled.pending(CHANGED), 0);

    served.test.lifecycle.draining.cancel();
    let answer = open.answer(&id).await;
    assert!(answer["result"].is_object(), "{answer}");
}

#[tokio::test]
async fn sessions_that_are_gone_are_forgotten() {
    let mut served = Served::open().await;
    for _ in 0..200 {
        let mut client = served.connect();
        client.initialize(LATEST_SESSION).await;
        client.hang_up();
        assert_eq!(client.read().await, None);
    }
    served.client.create("text.echo", "echo").await;
    served.client.notification(CHANGED).await;
}
