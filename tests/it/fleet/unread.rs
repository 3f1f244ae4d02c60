//! A thousand clients that open their streams and never read them.

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::http::client::{Client, mcp_headers};
use crate::support::postgres::{TestSchema, url};
use crate::support::replica::{Replica, call, create, is_ok, session};

const SESSIONS: usize = 1_000;
const CHANGES: usize = 300;
/// More than this for each change and session would be a message kept for each of them.
const GROWTH_KIB: u64 = 48 * 1024;

/// Memory of the server itself, in KiB.
fn resident(replica: &Replica) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", replica.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_costs_little_and_slows_nobody() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let schema = TestSchema::new();
    let settings = [("MCP_DYNAMIC_PG_SCHEMA", schema.name.clone())];
    let replica = Replica::start(&url(), &settings).await;
    replica.ready().await;
    assert!(is_ok(&create(replica.address, "changing.tool", "return 0").await));
    let mut streams = Vec::new();
    for _ in 0..SESSIONS / 50 {
        let opened = (0..50).map(async |_| {
            let session = session(replica.address).await;
            let mut stream = Client::connect(replica.address).await;
            stream.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
            assert_eq!(stream.head().await.status, 200);
            stream
        });
        streams.extend(join_all(opened).await);
    }
    let change = async |n: usize| {
        let patch = json!({ "code": format!("return {n}") });
        let update = json!({ "name": "changing.tool", "patch": patch });
        assert!(is_ok(&call(replica.address, "dynamic.tool.update", update).await));
        let called = call(replica.address, "changing.tool", json!({})).await;
        assert_eq!(called["structuredContent"]["result"], n, "{called}");
    };
    for n in 0..CHANGES / 10 {
        change(n).await;
    }
    let before = resident(&replica);
    for n in 0..CHANGES {
        change(n).await;
    }
    let after = resident(&replica);
    super::said(&format!("{SESSIONS} unread streams, {CHANGES} changes: {before} to {after} KiB"));
    assert!(after < before + GROWTH_KIB, "{before} KiB became {after} KiB");
    // Whoever reads at last is told.
    for stream in streams.iter_mut().step_by(100) {
        assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
    }
}
