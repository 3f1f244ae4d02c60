//! What all of this is for, in one piece: a fleet with everything attached, whose database dies and comes back
//! while it is in use; and then whether measurements, audit logs and traces tell of exactly that.

mod told;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::client::{Client, INITIALIZE};
use crate::support::balancer::Balancer;
use crate::support::cluster::Cluster;
use crate::support::collector::Collector;
use crate::support::issuer::{AUDIENCE, Issuer};
use crate::support::replica::{Replica, answer_to, call_with, is_ok, names_in, new_tool};
use crate::support::wait::until;

/// Calls that are made before the database dies, and again while it is away.
const CALLS: usize = 25;

/// Traces that callers began.
const CREATED: &str = "11111111111111111111111111111111";
const CALLED: &str = "22222222222222222222222222222222";
const REFUSED: &str = "33333333333333333333333333333333";
/// The span of whoever began them.
const CALLER: &str = "b7ad6b7169203331";

/// What came to pass, at each replica.
#[derive(Default)]
struct Story {
    /// Calls of `story.tool`, each of which succeeded.
    calls: [usize; 2],
    /// Tools that were made.
    made: [usize; 2],
    /// Tools that could not be made because the database was away.
    refused: [usize; 2],
    /// Connections to the database before it died.
    connects: [f64; 2],
    /// The digest of `story.tool`.
    digest: String,
}

/// Somebody with a token.
struct Person {
    bearer: String,
}

impl Person {
    fn new(issuer: &Issuer, name: &str, scope: &str) -> Self {
        let token = issuer.token(&json!({ "sub": name, "scope": scope }));
        Self { bearer: format!("Authorization: Bearer {token}\r\n") }
    }

    /// Without `trace` the call is not recorded, so that the queue of spans has room for those that are.
    async fn call(&self, at: SocketAddr, trace: Option<&str>, tool: &str, with: Value) -> Value {
        let trace = match trace {
            Some(trace) => format!("traceparent: 00-{trace}-{CALLER}-01\r\n"),
            None => format!("traceparent: 00-{CREATED}-{CALLER}-00\r\n"),
        };
        call_with(at, &format!("{}{trace}", self.bearer), tool, with).await
    }

    async fn names(&self, at: SocketAddr) -> Vec<String> {
        names_in(&self.call(at, None, "dynamic.tool.list", json!({})).await)
    }
}

async fn start(cluster: &Cluster, issuer: &Issuer, collector: &Collector, log: String) -> Replica {
    let url = issuer.url();
    let settings = [
        ("MCP_PROFILE", "enterprise".to_owned()),
        ("MCP_AUTH_MODE", "jwt".to_owned()),
        ("MCP_AUTH_JWKS_URL", format!("{url}/jwks")),
        ("MCP_AUTH_ISSUER", url),
        ("MCP_AUTH_AUDIENCE", AUDIENCE.to_owned()),
        ("MCP_AUTH_REQUIRED_SCOPES", "mcp:use".to_owned()),
        ("MCP_AUTH_ADMIN_SCOPE", "mcp:admin".to_owned()),
        ("MCP_AUDIT_FILE", log),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.clone()),
    ];
    let replica = Replica::start(&cluster.url(), &settings).await;
    replica.ready().await;
    replica
}

/// Calls `story.tool` through the balancer, one call after the other, until it is told to stop; each has to succeed.
struct Caller {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Caller {
    fn start(person: Person, balancer: SocketAddr) -> Self {
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stop, count) = (Arc::clone(&over), Arc::clone(&done));
        let task = tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let n = count.load(Ordering::Relaxed);
                let with = json!({ "args": { "n": n } });
                let called = person.call(balancer, None, "story.tool", with).await;
                assert_eq!(called["structuredContent"]["result"], n + 1, "{called}");
                count.store(n + 1, Ordering::Relaxed);
            }
        });
        Self { over, done, task }
    }

    /// Waits until it has made some more.
    async fn goes_on(&self) {
        let before = self.done.load(Ordering::Relaxed);
        until(async || {
            assert!(!self.task.is_finished(), "a call failed");
            self.done.load(Ordering::Relaxed) >= before + CALLS
        })
        .await;
    }

    /// How many it has made.
    async fn stop(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.done.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_dies_under_a_fleet_and_everything_tells_of_it() {
    let (issuer, collector) = (Issuer::start().await, Collector::start().await);
    let mut cluster = Cluster::start(&[]).await;
    let logs = TempDir::new().unwrap();
    let log = |name: &str| logs.path().join(name).display().to_string();
    let mut replicas = [
        start(&cluster, &issuer, &collector, log("a")).await,
        start(&cluster, &issuer, &collector, log("b")).await,
    ];
    let [a, b] = [replicas[0].address, replicas[1].address];
    let alice = Person::new(&issuer, "alice", "mcp:use mcp:admin");
    let bob = Person::new(&issuer, "bob", "mcp:use");
    let mut story = Story::default();

    // Alice makes a tool at one, and Bob calls it at the other.
    let tool = new_tool("story.tool", "return args.n + 1");
    let made = alice.call(a, Some(CREATED), "dynamic.tool.create", tool).await;
    assert!(is_ok(&made), "{made}");
    story.made[0] += 1;
    made["structuredContent"]["tool"]["digest"].as_str().unwrap().clone_into(&mut story.digest);
    until(async || alice.names(b).await == ["story.tool"]).await;
    let with = json!({ "args": { "n": 1 } });
    let called = bob.call(b, Some(CALLED), "story.tool", with).await;
    assert_eq!(called["structuredContent"]["result"], 2, "{called}");
    story.calls[1] += 1;
    // He may not make one, and whoever has no token may nothing.
    let tool = new_tool("bobs.tool", "return 1");
    let refused = answer_to(a, &bob.bearer, "dynamic.tool.create", tool).await;
    assert_eq!(refused.head.status, 403, "{refused:?}");
    assert!(refused.head.header("www-authenticate").unwrap().contains("mcp:admin"), "{refused:?}");
    assert_eq!(Client::connect(b).await.post("", INITIALIZE).await.head.status, 401);

    // Calls go on while the database is killed and while it is away.
    let balancer = Balancer::start(vec![a, b]).await;
    let caller = Caller::start(bob, balancer.address);
    caller.goes_on().await;
    for (replica, connects) in replicas.iter().zip(&mut story.connects) {
        *connects = replica.metric("dynamic_mcp_store_connects_total", &[]).await;
    }
    cluster.kill().await;
    for replica in &replicas {
        until(async || replica.metric("dynamic_mcp_store_available", &[]).await < 0.5).await;
        let (status, body) = replica.get("/readyz").await;
        assert_eq!(status, 503, "{body}");
    }
    let lost = new_tool("lost.tool", "return 1");
    let refused = alice.call(a, Some(REFUSED), "dynamic.tool.create", lost).await;
    assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");
    assert_eq!(refused["structuredContent"]["retryable"], true, "{refused}");
    story.refused[0] += 1;
    caller.goes_on().await;

    // It is back: what is made at one is known to the other, both ways, and nothing was lost.
    cluster.up().await;
    for (from, to) in [(0, 1), (1, 0)] {
        let name = format!("after.n{from}");
        let tool = new_tool(&name, "return 'after'");
        until(async || {
            let at = replicas[from].address;
            let made = alice.call(at, None, "dynamic.tool.create", tool.clone()).await;
            if is_ok(&made) {
                story.made[from] += 1;
                return true;
            }
            assert_eq!(made["structuredContent"]["code"], "store_unavailable", "{made}");
            story.refused[from] += 1;
            false
        })
        .await;
        until(async || alice.names(replicas[to].address).await.contains(&name)).await;
    }
    caller.goes_on().await;
    let done = caller.stop().await;
    let shares = [0, 1].map(|n| balancer.shares[n].load(Ordering::Relaxed));
    assert_eq!(shares.iter().sum::<usize>(), done, "each call has a connection of its own");
    for (calls, share) in story.calls.iter_mut().zip(shares) {
        *calls += share;
    }
    for at in [a, b] {
        assert_eq!(alice.names(at).await, ["after.n0", "after.n1", "story.tool"]);
    }

    for (n, replica) in replicas.iter().enumerate() {
        told::by_measurements(&story, n, replica).await;
    }
    for replica in &mut replicas {
        let ended = replica.terminate().await;
        assert!(ended.success(), "{ended}");
    }
    for (n, name) in ["a", "b"].into_iter().enumerate() {
        told::by_audit(&story, n, &std::fs::read_to_string(log(name)).unwrap());
    }
    told::by_traces(&collector);
}
