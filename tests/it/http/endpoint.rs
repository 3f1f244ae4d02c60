//! Each refusal of the MCP endpoint has its status, its code and its body.

use super::client::{Client, INITIALIZE, PING, call, mcp_headers, stateless, stateless_headers};
use super::server::TestServer;

const UNKNOWN: &str = "Mcp-Session-Id: 6f1c0d0e-0000-4000-8000-000000000000\r\n";

async fn post(client: &mut Client, headers: &str, body: &str) -> super::client::Answer {
    client.send("POST", "/mcp", headers, body).await;
    client.answer().await
}

#[tokio::test]
async fn bad_json_is_a_parse_error() {
    let server = TestServer::start().await;
    for body in ["", "{", "not json", "{\"jsonrpc\":\"2.0\",", "[1,", "{}{}", "\u{0}\u{1}"] {
        let answer = server.client().await.post("", body).await;
        answer.assert_refused(400, -32_700);
        assert!(answer.json()["id"].is_null());
    }
    // Valid brackets, invalid text.
    let mut client = server.client().await;
    let body = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}";
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n",
        mcp_headers(),
        body.len()
    );
    client.write(&[head.as_bytes(), body].concat()).await;
    client.answer().await.assert_refused(400, -32_700);
}

#[tokio::test]
async fn what_is_no_message_is_an_invalid_request() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let bodies = [
        "1",
        "null",
        "\"x\"",
        "{}",
        "{\"id\":1}",
        "[]",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}",
    ];
    for body in bodies {
        client.post("", body).await.assert_refused(400, -32_600);
    }
}

#[tokio::test]
async fn parameters_of_the_wrong_type_are_refused_under_the_requests_id() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    for params in [r#"{"cursor":5}"#, r#"{"cursor":{},"_meta":{}}"#, "[]", "5", r#"{"_meta":5}"#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{params}}}"#);
        let answer = client.post(&session, &body).await;
        answer.assert_refused(400, -32_602);
        assert_eq!(answer.json()["id"], 3, "{params}");
    }
    let body = stateless(4, "tools/list", r#""cursor":5"#);
    let answer = client.post(&stateless_headers("tools/list", None), &body).await;
    answer.assert_refused(400, -32_602);
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let deep = format!(r#"{{"jsonrpc":"2.0","id":5,"method":"ping","params":{{"a":{deep}}}}}"#);
    let answer = client.post(&session, &deep).await;
    answer.assert_refused(400, -32_700);
    assert_eq!(answer.json()["id"], 5);
}

#[tokio::test]
async fn an_id_that_can_not_be_written_again_is_answered_with_none() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    for id in ["1e400", r#""\ud83d""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        for headers in ["", session.as_str()] {
            let answer = client.post(headers, &body).await;
            answer.assert_refused(400, -32_700);
            assert!(answer.json()["id"].is_null(), "{id}");
        }
    }
}

/// The SDK looks the tool up while it judges the headers, in the request's own task.
#[tokio::test]
async fn a_panic_is_answered_and_the_connection_goes_on() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for _ in 0..2 {
        let body = stateless(1, "tools/call", r#""name":"broken","arguments":{}"#);
        let headers = stateless_headers("tools/call", Some("broken"));
        client.post(&headers, &body).await.assert_refused(500, -32_603);
        let body = stateless(2, "tools/call", r#""name":"echo","arguments":{}"#);
        let headers = stateless_headers("tools/call", Some("echo"));
        assert_eq!(client.post(&headers, &body).await.json()["id"], 2);
    }
}

#[tokio::test]
async fn batches_are_invalid_requests() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    for headers in ["", session.as_str()] {
        for body in [format!("[{PING}]"), format!(" [{INITIALIZE},{PING}]")] {
            client.post(headers, &body).await.assert_refused(400, -32_600);
        }
    }
}

#[tokio::test]
async fn without_a_session_only_initialize_is_taken() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for body in [PING, &call(2, "echo"), super::client::INITIALIZED] {
        let refused = client.post("", body).await;
        refused.assert_refused(400, -32_000);
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains("initialize") && message.contains("2026-07-28"), "{message}");
    }
    assert_eq!(client.post("", PING).await.json()["id"], 7);
    client.get("GET", "/mcp", mcp_headers()).await.assert_refused(400, -32_000);
    client.get("DELETE", "/mcp", "").await.assert_refused(400, -32_000);
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for body in [PING, &call(2, "echo"), super::client::INITIALIZED, INITIALIZE] {
        client.post(UNKNOWN, body).await.assert_refused(404, -32_001);
    }
    assert_eq!(client.post(UNKNOWN, PING).await.json()["id"], 7);
    let headers = format!("{}{UNKNOWN}", mcp_headers());
    client.get("GET", "/mcp", &headers).await.assert_refused(404, -32_001);
    client.get("DELETE", "/mcp", UNKNOWN).await.assert_refused(404, -32_001);
}

#[tokio::test]
async fn a_session_that_does_not_matter_is_no_matter() {
    let server = TestServer::start().await;
    let headers = format!("{UNKNOWN}{}", stateless_headers("tools/list", None));
    let answer = server.client().await.post(&headers, &stateless(1, "tools/list", "")).await;
    assert_eq!(answer.head.status, 200, "{}", answer.json());
}

#[tokio::test]
async fn media_types_are_checked() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let json = "Content-Type: application/json\r\n";
    for accept in ["", "Accept: application/json\r\n", "Accept: text/event-stream\r\n"] {
        post(&mut client, &format!("{json}{accept}"), PING).await.assert_refused(406, -32_000);
    }
    client.get("GET", "/mcp", "Accept: application/json\r\n").await.assert_refused(406, -32_000);
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n"] {
        let headers = format!("{kind}Accept: application/json, text/event-stream\r\n");
        let mut client = server.client().await;
        post(&mut client, &headers, PING).await.assert_refused(415, -32_000);
    }
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for method in ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let answer = client.get(method, "/mcp", "").await;
        answer.assert_refused(405, -32_000);
        assert_eq!(answer.head.header("allow"), Some("GET, POST, DELETE"));
    }
    // The newer revision knows neither streams nor sessions at the endpoint.
    let modern = format!("{}MCP-Protocol-Version: 2026-07-28\r\n", mcp_headers());
    for method in ["GET", "DELETE"] {
        let answer = client.get(method, "/mcp", &modern).await;
        answer.assert_refused(405, -32_000);
        assert_eq!(answer.head.header("allow"), Some("POST"));
    }
}

#[tokio::test]
async fn an_unknown_revision_is_refused() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let session = server.session().await;
    let headers = format!("{session}MCP-Protocol-Version: 1999-01-01\r\n");
    client.post(&headers, PING).await.assert_refused(400, -32_000);
}

#[tokio::test]
async fn the_sdks_own_refusals_carry_the_request_id_too() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    // The header and the body name different methods.
    let headers = stateless_headers("tools/call", None);
    client.post(&headers, &stateless(3, "tools/list", "")).await.assert_refused(400, -32_020);
    // No such method.
    let headers = stateless_headers("no/such", None);
    client.post(&headers, &stateless(3, "no/such", "")).await.assert_refused(404, -32_601);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_path_is_no_other_path() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.send("POST", "/mcp/", mcp_headers(), INITIALIZE).await;
    assert_eq!(client.answer().await.head.status, 200);
}

#[tokio::test]
async fn a_revision_without_sessions_has_no_initialize() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let body = stateless(1, "initialize", "");
    let refused = client.post(&stateless_headers("initialize", None), &body).await;
    refused.assert_refused(404, -32_601);
}
