//! Two servers behind a load balancer that knows nothing of sessions.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::http::client::{Client, PING, mcp_headers};
use crate::support::balancer::Balancer;
use crate::support::postgres::{TestSchema, url};
use crate::support::replica::{Replica, call, create, is_ok, names, session};
use crate::support::wait::until;

pub(super) struct Fleet {
    pub(super) schema: TestSchema,
    pub(super) replicas: [Replica; 2],
    pub(super) balancer: Balancer,
}

pub(super) async fn fleet(settings: &[(&'static str, &str)]) -> Fleet {
    let schema = TestSchema::new();
    let mut all = vec![("MCP_DYNAMIC_PG_SCHEMA", schema.name.clone())];
    all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let replicas = [Replica::start(&url(), &all).await, Replica::start(&url(), &all).await];
    for replica in &replicas {
        replica.ready().await;
    }
    let balancer = Balancer::start(replicas.iter().map(|replica| replica.address).collect()).await;
    Fleet { schema, replicas, balancer }
}

/// A request of a session, on a connection of its own: the message that answers it.
async fn ask(
    address: std::net::SocketAddr,
    session: &str,
    id: u32,
    method: &str,
    params: &Value,
) -> Value {
    said(address, session, id, method, params).await.pop().unwrap()
}

/// The same, with what is said before.
async fn said(
    address: std::net::SocketAddr,
    session: &str,
    id: u32,
    method: &str,
    params: &Value,
) -> Vec<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let mut client = Client::connect(address).await;
    client.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &body.to_string()).await;
    let head = client.head().await;
    assert_eq!(head.status, 200, "{method}");
    let mut said = Vec::new();
    loop {
        said.push(client.event().await.unwrap());
        if said.last().unwrap()["id"] == id {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_requests_alternate_works() {
    let fleet = fleet(&[]).await;
    let address = fleet.balancer.address;
    let session = session(address).await;
    let mut stream = Client::connect(address).await;
    stream.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
    assert_eq!(stream.head().await.status, 200);
    for round in 0..6 {
        let name = format!("round.r{round}");
        let tool =
            json!({ "name": name, "description": "A test's tool.", "code": "return args.n + 1" });
        let created = ask(
            address,
            &session,
            round * 10,
            "tools/call",
            &json!({ "name": "dynamic.tool.create", "arguments": { "tool": tool } }),
        )
        .await;
        assert_ne!(created["result"]["isError"], true, "{created}");
        // Wherever the stream is, it hears of it.
        assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
        for replica in &fleet.replicas {
            until(async || names(replica.address).await.contains(&name)).await;
        }
        let params = json!({ "name": name, "arguments": { "args": { "n": round } } });
        let called = ask(address, &session, round * 10 + 1, "tools/call", &params).await;
        assert_eq!(called["result"]["structuredContent"]["result"], round + 1, "{called}");
    }
    for share in fleet.balancer.shares.iter() {
        assert!(share.load(Ordering::Relaxed) > 6, "both have had their part");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_logs_comes_before_its_answer_at_whichever_replica() {
    let fleet = fleet(&[]).await;
    let address = fleet.balancer.address;
    let session = session(address).await;
    // The session's own stream is at one of them.
    let mut stream = Client::connect(address).await;
    stream.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
    assert_eq!(stream.head().await.status, 200);
    ask(address, &session, 2, "logging/setLevel", &json!({ "level": "info" })).await;
    let code = "console.info('from', args.n); return args.n";
    assert!(is_ok(&create(address, "telling.tool", code).await));
    for replica in &fleet.replicas {
        until(async || names(replica.address).await == ["telling.tool"]).await;
        until(async || {
            let with = json!({ "name": "telling.tool", "arguments": { "args": { "n": 7 } } });
            let said = said(replica.address, &session, 3, "tools/call", &with).await;
            assert_eq!(said.last().unwrap()["result"]["structuredContent"]["result"], 7);
            // The level has to come here first.
            said.len() == 2 && said[0]["method"] == "notifications/message"
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_session_needs_nobody_in_particular() {
    let fleet = fleet(&[]).await;
    let address = fleet.balancer.address;
    for n in 0..6 {
        let name = format!("free.n{n}");
        assert!(is_ok(&create(address, &name, "return 7").await));
        for replica in &fleet.replicas {
            until(async || names(replica.address).await.contains(&name)).await;
            let called = call(replica.address, &name, json!({})).await;
            assert_eq!(called["structuredContent"]["result"], 7, "{called}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_tools_holds_in_a_race() {
    let fleet = fleet(&[("MCP_DYNAMIC_MAX_TOOLS", "20")]).await;
    let creates = (0..60).map(|n| {
        let address = fleet.replicas[n % 2].address;
        async move { create(address, &format!("race.n{n}"), "return 1").await }
    });
    let results = join_all(creates).await;
    let (made, refused): (Vec<_>, Vec<_>) = results.iter().partition(|result| is_ok(result));
    assert_eq!(made.len(), 20);
    for result in refused {
        assert_eq!(result["structuredContent"]["code"], "limit_reached", "{result}");
    }
    for replica in &fleet.replicas {
        until(async || names(replica.address).await.len() == 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_revises_what_all_have_seen() {
    let fleet = fleet(&[]).await;
    assert!(is_ok(&create(fleet.replicas[0].address, "one.tool", "return 0").await));
    for replica in &fleet.replicas {
        until(async || names(replica.address).await.len() == 1).await;
    }
    for revision in 1..=5 {
        let updates = (0..16).map(|n| {
            let address = fleet.replicas[n % 2].address;
            let patch = json!({ "code": format!("return {n}") });
            let update =
                json!({ "name": "one.tool", "patch": patch, "expectedRevision": revision });
            async move { call(address, "dynamic.tool.update", update).await }
        });
        let results = join_all(updates).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.iter().partition(|result| is_ok(result));
        assert_eq!(won.len(), 1);
        for result in lost {
            assert_eq!(result["structuredContent"]["code"], "revision_conflict", "{result}");
        }
        let expected = won[0]["structuredContent"]["tool"]["digest"].clone();
        for replica in &fleet.replicas {
            until(async || {
                let got = call(replica.address, "dynamic.tool.get", json!({ "name": "one.tool" }));
                got.await["structuredContent"]["tool"]["digest"] == expected
            })
            .await;
        }
    }
    // Who expects nothing is retried on what is newest, and nobody's change is lost.
    let updates = (0..16).map(|n| {
        let address = fleet.replicas[n % 2].address;
        let patch = json!({ "title": format!("Title {n}") });
        async move {
            let update = json!({ "name": "one.tool", "patch": patch });
            call(address, "dynamic.tool.update", update).await
        }
    });
    let won = join_all(updates).await.iter().filter(|result| is_ok(result)).count();
    until(async || {
        let got =
            call(fleet.replicas[0].address, "dynamic.tool.get", json!({ "name": "one.tool" }));
        got.await["structuredContent"]["tool"]["revision"] == 6 + won
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_deleted_here_is_unknown_there() {
    let fleet = fleet(&[]).await;
    let [a, b] = &fleet.replicas;
    let session = session(fleet.balancer.address).await;
    for replica in [a, b] {
        let answer = Client::connect(replica.address).await.post(&session, PING).await;
        assert_eq!(answer.head.status, 200);
    }
    let deleted = Client::connect(a.address).await.get("DELETE", "/mcp", &session).await;
    assert_eq!(deleted.head.status, 204);
    Client::connect(a.address).await.post(&session, PING).await.assert_refused(404, -32_001);
    until(async || Client::connect(b.address).await.post(&session, PING).await.head.status == 404)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_costs_nobody_a_session() {
    let mut fleet = fleet(&[]).await;
    let address = fleet.balancer.address;
    let sessions = join_all((0..20).map(|_| session(address))).await;
    for replica in &mut fleet.replicas {
        replica.restart().await;
        replica.ready().await;
    }
    for session in &sessions {
        for _ in 0..2 {
            let answer = Client::connect(address).await.post(session, PING).await;
            assert_eq!(answer.head.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_id_of_a_session() {
    let fleet = fleet(&[]).await;
    let session = session(fleet.balancer.address).await;
    let id = session.trim().rsplit(' ').next().unwrap();
    let pool = sqlx::PgPool::connect(&url()).await.unwrap();
    let sql = format!("SELECT to_json(t)::text FROM {}.mcp_sessions t", fleet.schema.name);
    let rows: Vec<(String,)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].0.contains(id) && !rows[0].0.contains(&id.replace('-', "")), "{rows:?}");
    pool.close().await;
}
