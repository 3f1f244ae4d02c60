//! Probes and metrics: anonymous, and true.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::{Check, Readiness};

use super::server::{TestServer, options, ready};

#[tokio::test]
async fn a_server_in_order_is_alive_and_ready() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    assert_eq!(client.get("GET", "/livez", "").await.json()["status"], "ok");
    let answer = client.get("GET", "/readyz", "").await;
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.json(), serde_json::json!({"status": "ready", "checks": {"store": "ok"}}));
}

#[tokio::test]
async fn readiness_says_what_is_wrong() {
    let readiness: Readiness = Arc::new(|| {
        Box::pin(async {
            vec![
                Check::new("store", Some("the database is away".to_owned())),
                Check::new("audit", None),
            ]
        })
    });
    let server = TestServer::with(options(), Duration::ZERO, readiness).await;
    let mut client = server.client().await;
    let answer = client.get("GET", "/readyz", "").await;
    assert_eq!(answer.head.status, 503);
    answer.head.assert_sealed();
    let body = answer.json();
    assert_eq!(body["status"], "not_ready");
    assert_eq!(body["checks"]["store"], "the database is away");
    assert_eq!(body["checks"]["audit"], "ok");
    assert_eq!(client.get("GET", "/livez", "").await.head.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_not_ready() {
    let readiness: Readiness = Arc::new(|| Box::pin(std::future::pending()));
    let server = TestServer::with(options(), Duration::ZERO, readiness).await;
    let answer = server.client().await.get("GET", "/readyz", "").await;
    assert_eq!(answer.head.status, 503);
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let server = TestServer::start().await;
    let answer = server.client().await.get("GET", "/metrics", "").await;
    let kind = answer.head.header("content-type").unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains("# TYPE dynamic_mcp_http_sessions_active gauge"), "{text}");
}

#[tokio::test]
async fn probes_ask_neither_for_host_nor_for_origin() {
    let server = TestServer::with(options(), Duration::ZERO, ready()).await;
    let mut client = server.client().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: pod.cluster.local\r\nOrigin: https://evil.example\r\n\r\n"
        );
        client.write(request.as_bytes()).await;
        assert_eq!(client.answer().await.head.status, 200);
    }
}
