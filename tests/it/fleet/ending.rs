//! A server that is asked to end while it is in use.

use serde_json::json;

use crate::http::client::{Client, mcp_headers, stateless, stateless_headers};
use crate::support::postgres::{TestSchema, url};
use crate::support::replica::{Replica, create, is_ok, session};

/// Runs for so many milliseconds, and says that it has begun.
const SLOW: &str = "ctx.progress(1); const end = Date.now() + args.ms; while (Date.now() < end) { \
                    await new Promise(resolve => setTimeout(resolve, 20)); } return 'done'";

async fn replica(schema: &TestSchema, grace: &str) -> Replica {
    let settings = [
        ("MCP_DYNAMIC_PG_SCHEMA", schema.name.clone()),
        ("MCP_SHUTDOWN_GRACE_SECONDS", grace.to_owned()),
    ];
    let replica = Replica::start(&url(), &settings).await;
    replica.ready().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_finished() {
    let schema = TestSchema::new();
    let mut replica = replica(&schema, "60").await;
    let session = session(replica.address).await;
    let mut clients = Vec::new();
    for id in 2..4 {
        clients.push(running(&replica, Some(&session), id, 700).await);
        clients.push(running(&replica, None, id, 700).await);
    }
    let ended = replica.terminate().await;
    assert!(ended.success(), "{ended}");
    for client in &mut clients {
        let answer = client.event().await.unwrap();
        assert_eq!(answer["result"]["structuredContent"]["result"], "done", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlast_the_grace_are_killed_and_answered() {
    let schema = TestSchema::new();
    let mut replica = replica(&schema, "1").await;
    let session = session(replica.address).await;
    let mut clients = Vec::new();
    for id in 2..4 {
        clients.push(running(&replica, Some(&session), id, 25_000).await);
        clients.push(running(&replica, None, id, 25_000).await);
    }
    let ended = replica.terminate().await;
    assert!(ended.success(), "{ended}");
    for client in &mut clients {
        let answer = client.event().await.expect("an answer");
        assert_eq!(answer["result"]["structuredContent"]["code"], "cancelled", "{answer}");
    }
}
