//! The database fails in one way or another, under servers that are in use.

use serde_json::json;
use sqlx::Connection as _;
use tokio::time::Instant;

use super::measured;
use crate::http::client::{Client, PING};
use crate::support::cluster::Cluster;
use crate::support::replica::{Replica, call, create, is_ok, names, session};
use crate::support::wait::until;

async fn replica(cluster: &Cluster) -> Replica {
    let replica = Replica::start(&cluster.url(), &[]).await;
    replica.ready().await;
    replica
}

/// Writes until it succeeds, and sees that until then every refusal says why and can be tried again.
async fn written(replica: &Replica, name: &str) {
    until(async || {
        let result = create(replica.address, name, "return 1").await;
        let structured = &result["structuredContent"];
        let taken = structured["code"] == "already_exists";
        assert!(is_ok(&result) || taken || structured["code"] == "store_unavailable", "{result}");
        is_ok(&result) || taken
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_at_the_start_is_waited_for() {
    let mut cluster = Cluster::start(&[]).await;
    cluster.kill().await;
    let replica = Replica::start(&cluster.url(), &[]).await;
    assert_eq!(replica.get("/livez").await.0, 200);
    let (status, body) = replica.get("/readyz").await;
    assert_eq!(status, 503, "{body}");
    let reason = body["checks"]["store"].as_str().unwrap();
    assert!(reason.contains("the database is away"), "{reason}");
    let refused = create(replica.address, "early.tool", "return 1").await;
    assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");
    assert_eq!(refused["structuredContent"]["retryable"], true, "{refused}");
    // A session can be opened and used meanwhile, and is everybody's later.
    let session = session(replica.address).await;
    cluster.up().await;
    let since = Instant::now();
    replica.ready().await;
    measured("ready after the database came up", since);
    written(&replica, "late.tool").await;
    let other = self::replica(&cluster).await;
    until(async || {
        let answer = Client::connect(other.address).await.post(&session, PING).await;
        answer.head.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_listener_misses_nothing() {
    let cluster = Cluster::start(&[]).await;
    let (a, b) = (replica(&cluster).await, replica(&cluster).await);
    let session = session(b.address).await;
    assert_eq!(Client::connect(a.address).await.post(&session, PING).await.head.status, 200);
    for round in 0..5 {
        // While nobody listens, a tool comes, one goes, and a session ends.
        let name = format!("missed.n{round}");
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'; \
             INSERT INTO dynamic_mcp.dynamic_tools (name, description, image, timeout_ms, dependencies, \
             code, enabled, created_at, updated_at, revision) VALUES ('{name}', 'd', 'node:lts-slim', \
             30000, '[]', 'return 1', true, now(), now(), 1); \
             DELETE FROM dynamic_mcp.dynamic_tools WHERE name = 'missed.n{}'; \
             DELETE FROM dynamic_mcp.mcp_sessions",
            round - 1
        );
        cluster.execute(&sql).await;
        let since = Instant::now();
        for replica in [&a, &b] {
            until(async || names(replica.address).await == [name.clone()]).await;
        }
        measured("changes known after the listeners were lost", since);
    }
    for replica in [&a, &b] {
        until(async || {
            let answer = Client::connect(replica.address).await.post(&session, PING).await;
            answer.head.status == 404
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_connections_writes_are_refused_and_calls_go_on() {
    let cluster = Cluster::start(&["max_connections=12"]).await;
    let replica = replica(&cluster).await;
    written(&replica, "before.tool").await;
    // Somebody takes every connection: first those that are free, then those that the server had.
    let mut hogs = Vec::new();
    let mut exhausted = false;
    while !exhausted || is_ok(&create(replica.address, "while.tool", "return 1").await) {
        if let Ok(hog) = sqlx::PgConnection::connect(&cluster.url()).await {
            hogs.push(hog);
            continue;
        }
        exhausted = true;
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE application_name = 'dynamic-mcp'";
        sqlx::raw_sql(terminate).execute(hogs.last_mut().unwrap()).await.unwrap();
        call(replica.address, "dynamic.tool.delete", json!({ "name": "while.tool" })).await;
    }
    let refused = create(replica.address, "other.tool", "return 1").await;
    assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");
    assert_eq!(replica.get("/readyz").await.0, 503);
    let called = call(replica.address, "before.tool", json!({})).await;
    assert_eq!(called["structuredContent"]["result"], 1, "{called}");
    for hog in hogs {
        hog.close().await.unwrap();
    }
    let since = Instant::now();
    written(&replica, "after.tool").await;
    measured("writing again after connections were free", since);
    replica.ready().await;
    // What was acknowledged is there, for a server that comes anew too.
    let anew = self::replica(&cluster).await;
    for replica in [&replica, &anew] {
        let there = names(replica.address).await;
        assert!(["after.tool", "before.tool"].iter().all(|name| there.iter().any(|n| n == name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing() {
    let cluster = Cluster::with_disk(&[], Some("48m")).await;
    let replica = replica(&cluster).await;
    let mut acknowledged = Vec::new();
    let code = |n: usize| format!("return {n} /* {} */", noise(n));
    let refused = loop {
        let n = acknowledged.len();
        let name = format!("big.n{n}");
        let result = create(replica.address, &name, &code(n)).await;
        if !is_ok(&result) {
            break result;
        }
        acknowledged.push(name);
        assert!(n < 1_000, "the disk is never full");
    };
    assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");
    let text = refused["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("the database's disk is full"), "{text}");
    let called = call(replica.address, "big.n0", json!({})).await;
    assert_eq!(called["structuredContent"]["result"], 0, "{called}");
    // Everything that was acknowledged is there, for a server that comes anew too.
    acknowledged.sort();
    let anew = self::replica(&cluster).await;
    for replica in [&replica, &anew] {
        let mut there = names(replica.address).await;
        there.sort();
        assert_eq!(there, acknowledged);
    }
    // With room it goes on.
    cluster.execute("ALTER DATABASE postgres RESET default_tablespace").await;
    for table in ["dynamic_tools", "dynamic_tool_revisions", "dynamic_tool_tombstones"] {
        let sql = format!("ALTER TABLE dynamic_mcp.{table} SET TABLESPACE pg_default");
        cluster.execute(&sql).await;
    }
    cluster.execute("REINDEX (TABLESPACE pg_default) SCHEMA dynamic_mcp").await;
    written(&replica, "after.tool").await;
}

/// Text that can't be compressed.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"[(state >> 58) as usize]
    };
    (0..150_000).map(|_| char::from(next())).collect()
}

/// A server that says nothing is worse than one that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_holds_nobody_for_long() {
    let cluster = Cluster::start(&[]).await;
    let settings = [("MCP_PROFILE", "enterprise".to_owned())];
    let replica = Replica::start(&cluster.url(), &settings).await;
    replica.ready().await;
    written(&replica, "before.tool").await;
    // Somebody's lock keeps a read waiting, so that it is under way when everything stops.
    let mut locker = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
    let lock = "BEGIN; LOCK TABLE dynamic_mcp.dynamic_tool_revisions";
    sqlx::raw_sql(lock).execute(&mut locker).await.unwrap();
    let address = replica.address;
    let reading = tokio::spawn(async move {
        call(address, "dynamic.tool.history", json!({ "name": "before.tool" })).await
    });
    let waits = "SELECT 1 / count(*) FROM pg_locks WHERE NOT granted";
    until(async || cluster.try_execute(waits).await.is_ok()).await;
    cluster.signal("STOP").await;
    let result = create(replica.address, "while.tool", "return 1").await;
    let called = call(replica.address, "before.tool", json!({})).await;
    assert_eq!(called["structuredContent"]["result"], 1, "{called}");
    let read = reading.await.unwrap();
    cluster.signal("CONT").await;
    for refused in [result, read] {
        assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");
    }
    locker.close().await.unwrap();
    written(&replica, "after.tool").await;
}
