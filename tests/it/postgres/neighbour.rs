//! The Node project on the same table: it knows eleven columns and nothing of ours.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::domain::Actor;
use dynamic_mcp::domain::tool::{Change, EngineKind, ToolName};
use dynamic_mcp::ports::{BoxStream, StoreEvent, ToolStore as _};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::postgres::TestSchema;
use crate::support::records::{full, revised};

/// The table as that project makes it.
const ITS_TABLE: &str = "CREATE SCHEMA {s}; CREATE TABLE {s}.dynamic_tools (
    name TEXT PRIMARY KEY, title TEXT, description TEXT NOT NULL, image TEXT NOT NULL,
    timeout_ms INTEGER NOT NULL, dependencies JSONB NOT NULL, code TEXT NOT NULL,
    enabled BOOLEAN NOT NULL, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
    revision INTEGER NOT NULL)";

/// A row as that project inserts one, announced as it announces.
fn its_insert(name: &str, code: &str) -> String {
    format!(
        "INSERT INTO {{s}}.dynamic_tools (name, title, description, image, timeout_ms, dependencies, code, \
         enabled, created_at, updated_at, revision) VALUES ('{name}', NULL, 'Theirs.', 'node:lts-slim', \
         30000, '[]', '{code}', true, now(), now(), 1); \
         SELECT pg_notify('dynamic_mcp_registry_changes', '{{\"action\":\"create\",\"target\":\"{name}\",\
         \"schema\":\"{{s}}\",\"instanceId\":\"theirs\"}}')"
    )
}

async fn told(events: &mut BoxStream<StoreEvent>) -> StoreEvent {
    tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap()
}

fn name(text: &str) -> ToolName {
    ToolName::parse_external(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_there_are_tools_with_a_history() {
    let schema = TestSchema::new();
    schema.execute(ITS_TABLE).await;
    schema.execute(&its_insert("its.tool", "return 1")).await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = schema.open(50, &tasks, &stop).await;
    let record = store.get(&name("its.tool")).await.unwrap().unwrap();
    assert_eq!((&*record.content.code, record.revision.get()), ("return 1", 1));
    assert_eq!((record.actor.clone(), record.change), (Actor::External, Change::External));
    assert_eq!(record.engine_resolved, EngineKind::Embedded);
    assert_eq!(store.history(&name("its.tool"), 9).await.unwrap(), [record]);
    stop.cancel();
}

#[cfg(all(feature = "docker", feature = "embedded", feature = "http"))]
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_that_the_server_prefers_runs_its_tools() {
    use crate::support::replica::{Replica, call};

    let schema = TestSchema::new();
    schema.execute(ITS_TABLE).await;
    schema.execute(&its_insert("its.tool", "return 1")).await;
    let settings = [
        ("MCP_DYNAMIC_PG_SCHEMA", schema.name.clone()),
        ("MCP_EXECUTION_ENGINE", "docker".to_owned()),
        ("DOCKER_HOST", std::env::var("DOCKER_HOST").unwrap()),
    ];
    let replica = Replica::start(&crate::support::postgres::url(), &settings).await;
    replica.ready().await;
    let arguments = serde_json::json!({ "name": "its.tool" });
    let shown = call(replica.address, "dynamic.tool.get", arguments).await;
    assert_eq!(shown["structuredContent"]["tool"]["engineResolved"], "docker", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_is_followed_with_history() {
    let schema = TestSchema::new();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = schema.open(50, &tasks, &stop).await;
    let mut events = store.watch();
    schema.execute(&its_insert("its.tool", "return 1")).await;
    let StoreEvent::Put(first) = told(&mut events).await else { panic!() };
    assert_eq!((first.revision.get(), first.actor.clone()), (1, Actor::External));

    // It updates as it does: its own columns, guarded by the revision it read.
    schema
        .execute(
            "UPDATE {s}.dynamic_tools SET code = 'return 2', enabled = false, updated_at = now(), \
             revision = 2 WHERE name = 'its.tool' AND revision = 1",
        )
        .await;
    let StoreEvent::Put(second) = told(&mut events).await else { panic!() };
    assert_eq!((second.revision.get(), second.enabled), (2, false));
    assert_eq!(store.history(&second.name, 9).await.unwrap(), [second.clone(), first]);

    schema.execute("DELETE FROM {s}.dynamic_tools WHERE name = 'its.tool'").await;
    let StoreEvent::Removed(gone, revision) = told(&mut events).await else { panic!() };
    assert_eq!((gone, revision), (second.name.clone(), second.revision));

    // It begins a name anew at revision 1; ours goes on, so that no stale revision matches.
    schema.execute(&its_insert("its.tool", "return 3")).await;
    let StoreEvent::Put(again) = told(&mut events).await else { panic!() };
    assert_eq!(again.revision.get(), 3);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn its_update_of_our_tool_keeps_what_it_does_not_know() {
    let schema = TestSchema::new();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = schema.open(50, &tasks, &stop).await;
    let ours = full("our.tool");
    store.insert(Arc::clone(&ours), 10).await.unwrap();
    let mut events = store.watch();
    schema
        .execute(
            "UPDATE {s}.dynamic_tools SET code = 'return 2', revision = 2 WHERE name = 'our.tool'",
        )
        .await;
    let StoreEvent::Put(theirs) = told(&mut events).await else { panic!() };
    assert_eq!(theirs.content.input_schema, ours.content.input_schema);
    assert_eq!(theirs.content.tags, ours.content.tags);
    assert_ne!(theirs.digest, ours.digest, "the digest is of what is there now");
    theirs.verify().unwrap();

    // And we go on from what it wrote.
    let next = revised(&theirs, "return 3");
    store.replace(Arc::clone(&next), theirs.revision).await.unwrap();
    assert_eq!(store.get(&next.name).await.unwrap(), Some(next));
    stop.cancel();
}
