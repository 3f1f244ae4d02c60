//! The end: calls finish, nothing else is waited for.

use std::time::Duration;

use super::client::{Client, PING, call, mcp_headers, stateless, stateless_headers};
use super::server::{TestServer, options, ready};
use crate::support::wait::until;

const LONG: Duration = Duration::from_hours(1);

async fn holding(server: &TestServer, session: &str) -> Client {
    let mut client = server.client().await;
    client.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(2, "hold")).await;
    client
}

async fn holding_stateless(server: &TestServer) -> Client {
    let mut client = server.client().await;
    let headers = format!("{}{}", mcp_headers(), stateless_headers("tools/call", Some("hold")));
    let body = stateless(2, "tools/call", r#""name":"hold","arguments":{}"#);
    client.send("POST", "/mcp", &headers, &body).await;
    client
}

#[tokio::test]
async fn an_idle_server_ends() {
    let mut server = TestServer::start().await;
    let mut idle = server.client().await;
    assert_eq!(idle.get("GET", "/livez", "").await.head.status, 200);
    server.session().await;
    server.end().await;
    idle.closed().await;
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn running_calls_are_finished_and_new_ones_refused() {
    let mut server = TestServer::with(options(), LONG, ready()).await;
    let session = server.session().await;
    let mut legacy = holding(&server, &session).await;
    let mut modern = holding_stateless(&server).await;
    server.until_running(2).await;
    let handler = server.handler.clone();
    let lifecycle = server.lifecycle.clone();
    let drained = tokio::spawn(async move { lifecycle.drain().await });
    server.lifecycle.draining.cancelled().await;

    let ready = server.client().await.get("GET", "/readyz", "").await;
    assert_eq!((ready.head.status, ready.json()["status"].as_str()), (503, Some("shutting_down")));
    assert_eq!(server.client().await.get("GET", "/livez", "").await.head.status, 200);
    let mut client = server.client().await;
    let answer = client.post(&session, PING).await;
    answer.assert_refused(503, -32_000);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
    client.closed().await;
    // What a running call may wait for still comes in.
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    assert_eq!(server.client().await.post(&session, note).await.head.status, 202);

    handler.let_go();
    handler.let_go();
    assert_eq!(legacy.head().await.status, 200);
    assert_eq!(legacy.event().await.unwrap()["result"]["content"][0]["text"], "let go");
    assert_eq!(modern.answer().await.json()["result"]["content"][0]["text"], "let go");
    drained.await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn calls_that_outlive_the_grace_are_cut() {
    let mut server = TestServer::with(options(), Duration::ZERO, ready()).await;
    let session = server.session().await;
    let _legacy = holding(&server, &session).await;
    let mut modern = holding_stateless(&server).await;
    server.until_running(2).await;
    server.end().await;
    modern.answer().await.assert_refused(503, -32_000);
    until(async || server.handler.running() == 0).await;
}

#[tokio::test]
async fn open_streams_do_not_hold_the_end() {
    let mut server = TestServer::with(options(), LONG, ready()).await;
    let session = server.session().await;
    let mut stream = server.stream(&session).await;
    let mut listener = server.client().await;
    let headers = stateless_headers("subscriptions/listen", None);
    let params = r#""notifications":{"toolsListChanged":true}"#;
    let body = stateless(1, "subscriptions/listen", params);
    listener.send("POST", "/mcp", &format!("{}{headers}", mcp_headers()), &body).await;
    assert_eq!(listener.head().await.status, 200);
    listener.event().await.unwrap();
    server.end().await;
    assert!(stream.event().await.is_none());
    while listener.event().await.is_some() {}
    server.until_metric("dynamic_mcp_http_sessions_active", 0.0).await;
}

#[tokio::test]
async fn half_sent_requests_do_not_hold_the_end() {
    let mut server = TestServer::with(options(), LONG, ready()).await;
    let halves = [
        String::new(),
        "POST /mcp HT".to_owned(),
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-".to_owned(),
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 100\r\n\r\n{{",
            mcp_headers()
        ),
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 90000000\r\n\r\n{{",
            mcp_headers()
        ),
    ];
    let mut clients = Vec::new();
    for half in &halves {
        let mut client = server.client().await;
        client.write(half.as_bytes()).await;
        clients.push(client);
    }
    assert_eq!(server.client().await.get("GET", "/livez", "").await.head.status, 200);
    server.end().await;
    assert!(server.lifecycle.tasks.is_empty());
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_the_end() {
    let mut server = TestServer::start().await;
    let session = server.session().await;
    let headers = format!("{}{session}", mcp_headers());
    let large = "a".repeat(900_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"a":"{large}"}}}}}}"#
    );
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut client = server.client().await;
        client.send("POST", "/mcp", &headers, &body).await;
        silent.push(client);
    }
    server.lifecycle.stopped.cancel();
    server.end().await;
}
