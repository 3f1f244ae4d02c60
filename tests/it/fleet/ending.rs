//! A server that is asked to end while it is in use.

use serde_json::json;

use crate::http::client::{Client, mcp_headers, stateless, stateless_headers};
use crate::support::cluster::Cluster;
use crate::support::postgres::{TestSchema, url};
use crate::support::replica::{Replica, create, is_ok, names, session};

/// Runs for so many milliseconds, and says that it has begun.
const SLOW: &str = "ctx.progress(1); const end = Date.now() + args.ms; while (Date.now() < end) { \
                    await new Promise(resolve => setTimeout(resolve, 20)); } return 'done'";

async fn start(database: &str, schema: &str, grace: &str) -> Replica {
    let settings = [
        ("MCP_DYNAMIC_PG_SCHEMA", schema.to_owned()),
        ("MCP_SHUTDOWN_GRACE_SECONDS", grace.to_owned()),
    ];
    let replica = Replica::start(database, &settings).await;
    replica.ready().await;
    replica
}

/// One with a tool that is slow.
async fn replica(database: &str, schema: &str, grace: &str) -> Replica {
    let replica = start(database, schema, grace).await;
    assert!(is_ok(&create(replica.address, "slow.tool", SLOW).await));
    replica
}

/// A call of `slow.tool` that runs. Its client has a session where `session` names one.
async fn running(replica: &Replica, session: Option<&str>, id: u32, ms: u32) -> Client {
    let mut client = Client::connect(replica.address).await;
    let arguments = json!({ "args": { "ms": ms } });
    let (headers, body) = if let Some(session) = session {
        let params = json!({
            "name": "slow.tool", "arguments": arguments, "_meta": { "progressToken": id },
        });
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        (session.to_owned(), body.to_string())
    } else {
        let params = format!(r#""name":"slow.tool","arguments":{arguments}"#);
        let body = stateless(id, "tools/call", &params)
            .replace(r#""_meta":{"#, &format!(r#""_meta":{{"progressToken":{id},"#));
        (stateless_headers("tools/call", Some("slow.tool")), body)
    };
    client.send("POST", "/mcp", &format!("{}{headers}", mcp_headers()), &body).await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.event().await.unwrap()["method"], "notifications/progress");
    client
}

/// Two calls of a session and two without one.
async fn four_running(replica: &Replica, ms: u32) -> Vec<Client> {
    let session = session(replica.address).await;
    let mut clients = Vec::new();
    for id in 2..4 {
        clients.push(running(replica, Some(&session), id, ms).await);
        clients.push(running(replica, None, id, ms).await);
    }
    clients
}

async fn all_done(clients: Vec<Client>) {
    for mut client in clients {
        let answer = client.event().await.unwrap();
        assert_eq!(answer["result"]["structuredContent"]["result"], "done", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_finished() {
    let schema = TestSchema::new();
    let mut replica = replica(&url(), &schema.name, "60").await;
    let clients = four_running(&replica, 700).await;
    let ended = replica.terminate().await;
    assert!(ended.success(), "{ended}");
    all_done(clients).await;
}

/// Nobody waits for the database at the end: neither the calls, nor the sessions that it was to keep.
#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_finished_though_the_database_is_away() {
    let mut cluster = Cluster::start(&[]).await;
    let mut replica = replica(&cluster.url(), "own", "60").await;
    let clients = four_running(&replica, 700).await;
    cluster.kill().await;
    let ended = replica.terminate().await;
    assert!(ended.success(), "{ended}");
    all_done(clients).await;
    // What it had acknowledged is there for the next one.
    cluster.up().await;
    let anew = start(&cluster.url(), "own", "60").await;
    assert_eq!(names(anew.address).await, ["slow.tool"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlast_the_grace_are_killed_and_answered() {
    let schema = TestSchema::new();
    let mut replica = replica(&url(), &schema.name, "1").await;
    let mut clients = four_running(&replica, 25_000).await;
    let ended = replica.terminate().await;
    assert!(ended.success(), "{ended}");
    for client in &mut clients {
        let answer = client.event().await.expect("an answer");
        assert_eq!(answer["result"]["structuredContent"]["code"], "cancelled", "{answer}");
    }
}
