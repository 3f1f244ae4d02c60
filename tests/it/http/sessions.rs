//! Sessions: how many, whose, for how long; and nothing of them stays behind.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::HttpOptions;
use dynamic_mcp::domain::caller::Caller;
use tower::ServiceExt as _;

use super::client::{
    Client, INITIALIZE, INITIALIZED, PING, call, mcp_headers, stateless, stateless_headers,
};
use super::server::{TestServer, bind, options, ready};
use crate::support::wait::until;

const ACTIVE: &str = "dynamic_mcp_http_sessions_active";
const CREATED: &str = "dynamic_mcp_http_sessions_created_total";
const EXPIRED: &str = "dynamic_mcp_http_sessions_expired_total";

async fn limited(max_sessions: usize, session_ttl: Duration) -> TestServer {
    let options = HttpOptions { max_sessions, session_ttl, ..options() };
    TestServer::with(options, Duration::ZERO, ready()).await
}

const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn there_are_no_more_than_the_limit() {
    let server = limited(2, LONG).await;
    let first = server.session().await;
    server.session().await;
    let mut client = server.client().await;
    let answer = client.post("", INITIALIZE).await;
    answer.assert_refused(503, -32_000);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["id"], 1);
    // Who has a session, or needs none, is still served.
    assert_eq!(client.post(&first, PING).await.head.status, 200);
    let headers = stateless_headers("tools/list", None);
    let answer = client.post(&headers, &stateless(1, "tools/list", "")).await;
    assert_eq!(answer.head.status, 200);
    // A place that is given back can be taken again.
    assert_eq!(client.get("DELETE", "/mcp", &first).await.head.status, 204);
    server.session().await;
    assert!((server.metric(CREATED) - 3.0).abs() < 0.5);
    assert!((server.metric(ACTIVE) - 2.0).abs() < 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_in_a_rush() {
    let server = Arc::new(limited(5, LONG).await);
    let rush = (0..40).map(|_| {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.client().await.post("", INITIALIZE).await.head.status })
    });
    let mut opened = 0;
    for attempt in rush.collect::<Vec<_>>() {
        opened += usize::from(attempt.await.unwrap() == 200);
    }
    assert_eq!(opened, 5);
    assert!((server.metric(ACTIVE) - 5.0).abs() < 0.5);
}

#[tokio::test]
async fn an_initialize_that_is_refused_takes_no_place() {
    let server = limited(1, LONG).await;
    let mut client = server.client().await;
    for _ in 0..3 {
        let wrong = "MCP-Protocol-Version: 2025-06-18\r\n";
        client.post(wrong, INITIALIZE).await.assert_refused(400, -32_600);
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"x":1}}"#;
        let refused = client.post("", body).await;
        refused.assert_refused(400, -32_602);
        let said = refused.json()["error"]["message"].to_string();
        assert!(said.contains("initialize: the field 'protocolVersion' is required"), "{said}");
    }
    server.session().await;
}

/// Opens a session that may have ended by the time it is used: on a busy machine that takes longer than it
/// lives.
async fn short_lived(server: &TestServer) -> String {
    let answer = server.client().await.post("", INITIALIZE).await;
    assert_eq!(answer.head.status, 200);
    format!("Mcp-Session-Id: {}\r\n", answer.head.header("mcp-session-id").unwrap())
}

/// Opens a session and begins something in it that keeps it from being idle.
async fn kept_busy(server: &TestServer, method: &str, body: &str) -> (String, Client) {
    loop {
        let session = short_lived(server).await;
        let mut client = server.client().await;
        if client.post(&session, INITIALIZED).await.head.status == 202 {
            client.send(method, "/mcp", &format!("{}{session}", mcp_headers()), body).await;
            if client.head().await.status == 200 {
                return (session, client);
            }
        }
    }
}

#[tokio::test]
async fn an_idle_session_ends() {
    let server = limited(10, SHORT).await;
    let session = short_lived(&server).await;
    server.until_metric(EXPIRED, 1.0).await;
    server.until_metric(ACTIVE, 0.0).await;
    server.client().await.post(&session, PING).await.assert_refused(404, -32_001);
    // Its client never said that it was initialized; nothing of it stays all the same.
    until(async || Arc::strong_count(&server.handler.alive) == 2).await;
}

#[tokio::test]
async fn an_open_stream_or_a_running_call_is_not_idle() {
    let server = limited(100, SHORT).await;
    let (streaming, mut stream) = kept_busy(&server, "GET", "").await;
    let (_, caller) = kept_busy(&server, "POST", &call(2, "hold")).await;
    server.until_running(1).await;
    // Its client leaves; the call runs on.
    drop(caller);
    // These come and go, several lives long, while those two stay.
    for _ in 0..4 {
        short_lived(&server).await;
        server.until_metric(ACTIVE, 2.0).await;
    }
    assert_eq!(server.handler.running(), 1);
    server.client().await.post(&streaming, &call(3, "announce")).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
    // And when they rest, they end.
    server.handler.let_go();
    drop(stream);
    server.until_metric(ACTIVE, 0.0).await;
    assert!(server.metric(EXPIRED) >= 6.0);
}

#[tokio::test]
async fn nothing_stays_of_sessions_that_were_deleted() {
    let server = limited(100, LONG).await;
    for _ in 0..10 {
        let session = server.session().await;
        let mut client = server.client().await;
        assert_eq!(client.get("DELETE", "/mcp", &session).await.head.status, 204);
    }
    assert!(server.metric(ACTIVE).abs() < 0.5);
    assert!(server.metric(EXPIRED).abs() < 0.5);
    // One handler is the test's, one the server's template.
    until(async || Arc::strong_count(&server.handler.alive) == 2).await;
    until(async || server.lifecycle.calls.is_empty()).await;
}

#[tokio::test]
async fn deleting_a_session_ends_its_calls() {
    let server = limited(10, LONG).await;
    let session = server.session().await;
    let mut caller = server.client().await;
    caller.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(2, "hold")).await;
    server.until_running(1).await;
    let mut client = server.client().await;
    assert_eq!(client.get("DELETE", "/mcp", &session).await.head.status, 204);
    assert_eq!(caller.head().await.status, 200);
    assert!(caller.event().await.is_none());
    server.until_running(0).await;
}

#[tokio::test]
async fn one_session_may_not_have_too_many_calls() {
    let server = limited(10, LONG).await;
    let session = server.session().await;
    let headers = format!("{}{session}", mcp_headers());
    let mut callers = Vec::new();
    for id in 0..256 {
        let mut caller = server.client().await;
        caller.send("POST", "/mcp", &headers, &call(id, "hold")).await;
        callers.push(caller);
    }
    server.until_running(256).await;
    let answer = server.client().await.post(&session, &call(999, "echo")).await;
    answer.assert_refused(429, -32_000);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["id"], 999);
    // Another session does not suffer.
    let other = server.session().await;
    let answer = server.client().await.post(&other, &call(1, "echo")).await;
    assert_eq!(answer.head.status, 200);
    server.handler.let_go();
    server.until_running(255).await;
    let mut client = server.client().await;
    while client.post(&session, PING).await.head.status != 200 {}
}

/// A request as a layer that knows the caller would pass it on.
fn from(subject: Option<&str>, method: &str, session: &str, body: &str) -> axum::extract::Request {
    let mut request = http::Request::builder()
        .method(method)
        .uri("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    if !session.is_empty() {
        request = request.header("mcp-session-id", session);
    }
    let mut request = request.body(axum::body::Body::from(body.to_owned())).unwrap();
    if let Some(subject) = subject {
        let caller = Caller { subject: Some(subject.into()), ..Caller::local() };
        request.extensions_mut().insert(caller);
    }
    request
}

#[tokio::test]
async fn a_session_belongs_to_who_opened_it() {
    let server = bind(options()).await.unwrap();
    let router = server.router();
    let answer = router.clone().oneshot(from(Some("ann"), "POST", "", INITIALIZE));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let session = answer.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    for stranger in [Some("bob"), None] {
        for method in ["POST", "GET", "DELETE"] {
            let request = from(stranger, method, &session, PING);
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 404, "{method} by {stranger:?}");
        }
    }
    let request = from(Some("ann"), "DELETE", &session, "");
    assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 204);
}
