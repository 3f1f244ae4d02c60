//! A stream ends with the token that opened it; what else was begun goes on.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::Access;

use super::Generous;
use crate::http::client::{
    Client, INITIALIZE, INITIALIZED, PING, call, mcp_headers, stateless, stateless_headers,
};
use crate::http::server::{TestServer, options, ready};

const SHORT: &str = "Authorization: Bearer short\r\n";
const LONG: &str = "Authorization: Bearer long\r\n";

async fn serve() -> TestServer {
    let access = Access {
        verifier: Arc::new(Generous),
        issuer: "https://issuer.example.com".to_owned(),
        required_scopes: Vec::new(),
        admin: None,
    };
    TestServer::admitting(options(), Duration::from_secs(30), ready(), Some(access)).await
}

async fn session(server: &TestServer) -> String {
    let mut client = server.client().await;
    let answer = client.post(LONG, INITIALIZE).await;
    let id = answer.head.header("mcp-session-id").unwrap();
    let session = format!("Mcp-Session-Id: {id}\r\n");
    client.post(&format!("{LONG}{session}"), INITIALIZED).await;
    session
}

async fn stream(server: &TestServer, headers: &str) -> Client {
    let mut client = server.client().await;
    client.send("GET", "/mcp", &format!("{}{headers}", mcp_headers()), "").await;
    assert_eq!(client.head().await.status, 200);
    client
}

async fn subscription(server: &TestServer, token: &str) -> Client {
    let mut client = server.client().await;
    let headers = stateless_headers("subscriptions/listen", None);
    let body = stateless(1, "subscriptions/listen", r#""notifications":{"toolsListChanged":true}"#);
    client.send("POST", "/mcp", &format!("{}{headers}{token}", mcp_headers()), &body).await;
    assert_eq!(client.head().await.status, 200);
    assert!(client.event().await.is_some(), "it is acknowledged");
    client
}

#[tokio::test]
async fn a_sessions_stream_ends_when_its_token_does_and_can_be_opened_again() {
    let server = serve().await;
    let session = session(&server).await;
    let mut ends = stream(&server, &format!("{SHORT}{session}")).await;
    while ends.event().await.is_some() {}
    let mut again = stream(&server, &format!("{LONG}{session}")).await;
    server.client().await.post(&format!("{LONG}{session}"), &call(1, "announce")).await;
    let event = again.event().await.unwrap();
    assert_eq!(event["method"], "notifications/tools/list_changed");
    // The connection is as good as before.
    let answer = ends.post(&format!("{LONG}{session}"), PING).await;
    assert_eq!(answer.head.status, 200);
}

#[tokio::test]
async fn a_subscription_ends_when_its_token_does() {
    let server = serve().await;
    let (mut ends, mut stays) =
        tokio::join!(subscription(&server, SHORT), subscription(&server, LONG));
    while ends.event().await.is_some() {}
    let headers = format!("{LONG}{}", stateless_headers("tools/call", Some("announce")));
    let announce = stateless(2, "tools/call", r#""name":"announce","arguments":{}"#);
    server.client().await.post(&headers, &announce).await;
    let event = stays.event().await.unwrap();
    assert_eq!(event["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_call_that_was_begun_is_answered_although_its_token_ends() {
    let server = serve().await;
    let session = session(&server).await;
    let mut caller = server.client().await;
    let headers = format!("{}{SHORT}{session}", mcp_headers());
    caller.send("POST", "/mcp", &headers, &call(1, "hold")).await;
    server.until_running(1).await;
    // As long as a token lasts that was accepted later.
    let mut ends = stream(&server, &format!("{SHORT}{session}")).await;
    while ends.event().await.is_some() {}
    server.handler.let_go();
    let answer = String::from_utf8(caller.answer().await.body).unwrap();
    assert!(answer.contains("let go"), "{answer}");
}
