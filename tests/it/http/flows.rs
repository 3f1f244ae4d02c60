//! Both generations of MCP on one endpoint, told in raw requests.

use super::client::{Client, PING, call, mcp_headers, stateless, stateless_headers};
use super::server::TestServer;
use crate::support::wait::until;

#[tokio::test]
async fn a_session_from_its_first_request_to_its_last() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;

    let versioned = format!("{session}MCP-Protocol-Version: 2025-11-25\r\n");
    for headers in [session.as_str(), versioned.as_str()] {
        let head = {
            let headers = format!("{}{headers}", mcp_headers());
            client.send("POST", "/mcp", &headers, &call(2, "echo")).await;
            client.head().await
        };
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        let event = client.event().await.unwrap();
        assert_eq!(
            (&event["id"], &event["result"]["content"][0]["text"]),
            (&2.into(), &"{}".into())
        );
        assert!(client.event().await.is_none());
    }

    let mut stream = server.stream(&session).await;
    client.post(&session, &call(3, "announce")).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");

    assert_eq!(client.get("DELETE", "/mcp", &session).await.head.status, 204);
    assert!(stream.event().await.is_none(), "the stream ends with its session");
    client.post(&session, PING).await.assert_refused(404, -32_001);
    client.get("DELETE", "/mcp", &session).await.assert_refused(404, -32_001);
    let headers = format!("{}{session}", mcp_headers());
    client.get("GET", "/mcp", &headers).await.assert_refused(404, -32_001);
}

#[tokio::test]
async fn older_revisions_are_served_as_they_ask() {
    let server = TestServer::start().await;
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let initialize = super::client::INITIALIZE.replace("2025-11-25", revision);
        let mut client = server.client().await;
        client.send("POST", "/mcp", mcp_headers(), &initialize).await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.event().await.unwrap()["result"]["protocolVersion"], revision);
    }
}

#[tokio::test]
async fn the_stateless_revision_is_answered_in_plain_json() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let answer = client
        .post(&stateless_headers("server/discover", None), &stateless(1, "server/discover", ""))
        .await;
    assert_eq!(answer.head.header("content-type"), Some("application/json"));
    assert_eq!(answer.head.header("mcp-session-id"), None);
    assert!(answer.json()["result"]["supportedVersions"].is_array(), "{}", answer.json());

    let headers = stateless_headers("tools/call", Some("echo"));
    let body = stateless(2, "tools/call", r#""name":"echo","arguments":{"a":1}"#);
    let answer = client.post(&headers, &body).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], r#"{"a":1}"#);
    assert!((server.metric("dynamic_mcp_http_sessions_created_total")).abs() < 0.5);
}

#[tokio::test]
async fn a_subscription_hears_of_changes() {
    let server = TestServer::start().await;
    let mut listener = server.client().await;
    let headers = stateless_headers("subscriptions/listen", None);
    let params = r#""notifications":{"toolsListChanged":true}"#;
    let body = stateless(1, "subscriptions/listen", params);
    listener.send("POST", "/mcp", &format!("{}{headers}", mcp_headers()), &body).await;
    assert_eq!(listener.head().await.status, 200);
    let acknowledged = listener.event().await.unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");

    let headers = stateless_headers("tools/call", Some("announce"));
    let body = stateless(2, "tools/call", r#""name":"announce","arguments":{}"#);
    server.client().await.post(&headers, &body).await;
    let changed = listener.event().await.unwrap();
    assert_eq!(changed["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_stateless_client_that_leaves_cancels_its_call() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let headers = stateless_headers("tools/call", Some("hold"));
    let body = stateless(1, "tools/call", r#""name":"hold","arguments":{}"#);
    client.send("POST", "/mcp", &format!("{}{headers}", mcp_headers()), &body).await;
    server.until_running(1).await;
    drop(client);
    server.until_running(0).await;
    assert_eq!(server.handler.cancelled.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_ends() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    client.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(5, "hold")).await;
    server.until_running(1).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    assert_eq!(server.client().await.post(&session, cancel).await.head.status, 202);
    server.until_running(0).await;
    assert_eq!(client.head().await.status, 200);
    assert!(client.event().await.is_none(), "its stream ends without an answer");
}

/// A call of `hold` whose client has lost its connection; gives the id to resume from.
async fn broken_off(server: &TestServer, session: &str) -> String {
    let mut client = server.client().await;
    client.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(5, "hold")).await;
    assert_eq!(client.head().await.status, 200);
    let primer = String::from_utf8(client.chunk().await.unwrap()).unwrap();
    server.until_running(1).await;
    drop(client);
    // The server has noticed: nothing but the call itself is left.
    until(async || server.lifecycle.calls.len() == 1).await;
    primer.lines().find_map(|line| line.strip_prefix("id:")).unwrap().trim().to_owned()
}

async fn resumed(server: &TestServer, session: &str, id: &str) -> Client {
    let mut client = server.client().await;
    let resume = format!("{}{session}Last-Event-ID: {id}\r\n", mcp_headers());
    client.send("GET", "/mcp", &resume, "").await;
    assert_eq!(client.head().await.status, 200);
    client
}

#[tokio::test]
async fn an_answer_can_be_fetched_after_the_connection_broke() {
    let server = TestServer::start().await;
    let session = server.session().await;
    // It comes before the client is back, or after.
    for before in [true, false] {
        let id = broken_off(&server, &session).await;
        if before {
            server.handler.let_go();
            server.until_running(0).await;
        }
        let mut client = resumed(&server, &session, &id).await;
        if !before {
            server.handler.let_go();
        }
        let event = client.event().await.unwrap();
        assert_eq!(event["id"], 5);
        assert_eq!(event["result"]["content"][0]["text"], "let go");
        assert!(client.event().await.is_none());
    }
}

#[tokio::test]
async fn an_event_that_never_was_is_the_end_of_a_stream() {
    let server = TestServer::start().await;
    let session = server.session().await;
    for id in ["0/99", "7/0", "12", "-1", "x", "0/x", "99999999999999999999999"] {
        assert!(resumed(&server, &session, id).await.event().await.is_none(), "{id}");
    }
}

#[tokio::test]
async fn a_notification_goes_to_one_stream_and_waits_for_one() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let announce = async |id| {
        server.client().await.post(&session, &call(id, "announce")).await;
    };
    // Nobody listens yet.
    announce(1).await;
    let mut first = server.stream(&session).await;
    assert_eq!(first.event().await.unwrap()["method"], "notifications/tools/list_changed");
    // The newest of two streams gets it; the older one goes on when that one has gone.
    let mut second = server.stream(&session).await;
    announce(2).await;
    assert_eq!(second.event().await.unwrap()["method"], "notifications/tools/list_changed");
    drop(second);
    until(async || server.lifecycle.calls.is_empty()).await;
    server.client().await.get("DELETE", "/mcp", &session).await;
    assert!(first.event().await.is_none(), "nothing came twice");
}

#[tokio::test]
async fn what_was_lost_with_a_stream_comes_again() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut stream = server.stream(&session).await;
    server.client().await.post(&session, &call(1, "announce")).await;
    stream.event().await.unwrap();
    drop(stream);
    let mut stream = resumed(&server, &session, "0").await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn an_id_that_is_in_use_is_refused() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let headers = format!("{}{session}", mcp_headers());
    let mut first = server.client().await;
    first.send("POST", "/mcp", &headers, &call(5, "hold")).await;
    assert_eq!(first.head().await.status, 200);
    server.until_running(1).await;
    let mut second = server.client().await;
    for _ in 0..3 {
        second.send("POST", "/mcp", &headers, &call(5, "echo")).await;
        assert_eq!(second.head().await.status, 200);
        let refused = second.event().await.unwrap();
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&5.into(), &(-32_600).into()));
        assert!(second.event().await.is_none());
    }
    // The first is not disturbed, and then the id is free.
    server.handler.let_go();
    assert_eq!(first.event().await.unwrap()["result"]["content"][0]["text"], "let go");
    second.send("POST", "/mcp", &headers, &call(5, "echo")).await;
    assert_eq!(second.head().await.status, 200);
    assert_eq!(second.event().await.unwrap()["result"]["content"][0]["text"], "{}");
}

#[tokio::test]
async fn requests_on_one_connection_come_one_after_the_other() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let headers = format!("{}{}", mcp_headers(), stateless_headers("tools/list", None));
    for id in 0..20 {
        client.send("POST", "/mcp", &headers, &stateless(id, "tools/list", "")).await;
    }
    for id in 0..20 {
        assert_eq!(client.answer().await.json()["id"], id);
    }
}
