//! Every answer carries a request id and the security headers.

use super::client::{INITIALIZE, mcp_headers};
use super::server::TestServer;

#[tokio::test]
async fn a_sane_request_id_is_echoed_and_another_one_is_replaced() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let longest = "a".repeat(128);
    for id in ["abc-123", "Root=1-67891233-abcdef", "a.b_c:d/e+f@g", &longest] {
        let answer = client.get("GET", "/livez", &format!("X-Request-Id: {id}\r\n")).await;
        assert_eq!(answer.head.header("x-request-id"), Some(id));
        answer.head.assert_sealed();
    }
    let too_long = "a".repeat(129);
    for id in ["", "a b", "<script>", "a\tb", "\"", "ä", "a,b", &too_long] {
        let answer = client.get("GET", "/livez", &format!("X-Request-Id: {id}\r\n")).await;
        let made = answer.head.header("x-request-id").unwrap();
        assert_ne!(made, id);
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[tokio::test]
async fn made_ids_differ() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let answer = client.get("GET", "/livez", "").await;
        assert!(ids.insert(answer.head.header("x-request-id").unwrap().to_owned()));
    }
}

#[tokio::test]
async fn answers_of_every_kind_are_sealed() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = client.get("GET", path, "").await;
        assert_eq!(answer.head.status, 200);
        answer.head.assert_sealed();
    }
    for path in ["/", "/nothing", "/mcp/nothing", "/MCP", "//mcp", "/%2e%2e/etc/passwd"] {
        client.get("GET", path, "").await.assert_refused(404, -32_000);
    }
    let answer = client.get("POST", "/livez", "").await;
    answer.assert_refused(405, -32_000);
    assert_eq!(answer.head.header("allow"), Some("GET, HEAD"));
    let answer = client.post("X-Request-Id: mine\r\n", INITIALIZE).await;
    answer.head.assert_sealed();
    assert_eq!(answer.head.header("x-request-id"), Some("mine"));
    let answer = client.post("X-Request-Id: mine\r\n", "{").await;
    answer.assert_refused(400, -32_700);
    assert_eq!(answer.head.header("x-request-id"), Some("mine"));
}

#[tokio::test]
async fn a_stream_is_sealed() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    client.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    head.assert_sealed();
}
