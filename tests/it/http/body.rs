//! Limits on a request's body: its size, its depth and its time.

use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::HttpOptions;
use futures_util::future::select_all;

use super::client::{Client, mcp_headers};
use super::server::{TestServer, options, ready};

async fn small() -> TestServer {
    let options = HttpOptions { max_request_bytes: 1000, ..options() };
    TestServer::with(options, Duration::ZERO, ready()).await
}

fn padded(length: usize) -> String {
    let frame = r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":""}}"#;
    frame.replace("\"\"", &format!("\"{}\"", "a".repeat(length - frame.len())))
}

async fn chunked(client: &mut Client, chunks: &[&[u8]]) {
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Transfer-Encoding: chunked\r\n\r\n",
        mcp_headers()
    );
    client.write(head.as_bytes()).await;
    for chunk in chunks {
        let size = format!("{:x}\r\n", chunk.len());
        client.write(&[size.as_bytes(), chunk, b"\r\n"].concat()).await;
    }
    client.write(b"0\r\n\r\n").await;
}

#[tokio::test]
async fn the_limit_is_exact() {
    let server = small().await;
    let session = server.session().await;
    let mut client = server.client().await;
    assert_eq!(client.post(&session, &padded(1000)).await.head.status, 200);
    let answer = client.post(&session, &padded(1001)).await;
    answer.assert_refused(413, -32_013);
    assert_eq!(answer.head.header("connection"), Some("close"));
    client.closed().await;
}

#[tokio::test]
async fn the_limit_holds_for_chunked_bodies() {
    let server = small().await;
    let body = padded(1000);
    let body = body.as_bytes();
    let mut client = server.client().await;
    // No session: the body was read, then judged.
    chunked(&mut client, &[&body[..300], &body[300..301], &body[301..]]).await;
    client.answer().await.assert_refused(400, -32_000);
    chunked(&mut client, &[&body[..300], &body[300..], b" "]).await;
    client.answer().await.assert_refused(413, -32_013);
    client.closed().await;
}

#[tokio::test]
async fn a_body_of_20_mb_is_answered() {
    let server = TestServer::start().await;
    let body = padded(20_000_000);
    let mut client = server.client().await;
    client.post("", &body).await.assert_refused(413, -32_013);
    let mut client = server.client().await;
    chunked(&mut client, &[body.as_bytes()]).await;
    client.answer().await.assert_refused(413, -32_013);
    assert_eq!(server.client().await.get("GET", "/livez", "").await.head.status, 200);
}

#[tokio::test]
async fn a_client_that_asks_first_is_answered_before_it_sends() {
    let server = small().await;
    let mut client = server.client().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
        mcp_headers()
    );
    client.write(head.as_bytes()).await;
    client.answer().await.assert_refused(413, -32_013);
}

#[tokio::test]
async fn the_configured_maximum_is_taken() {
    let limit = HttpOptions::MAX_REQUEST_BYTES_CEILING;
    let options = HttpOptions { max_request_bytes: limit, ..options() };
    let server = TestServer::with(options, Duration::ZERO, ready()).await;
    let session = server.session().await;
    let answer = server.client().await.post(&session, &padded(limit)).await;
    assert_eq!(answer.head.status, 200);
}

#[tokio::test]
async fn deep_nesting_is_a_parse_error() {
    let server = TestServer::start().await;
    let session = server.session().await;
    let mut client = server.client().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"x":{deep}}}}}"#);
        for session in ["", session.as_str()] {
            client.post(session, &body).await.assert_refused(400, -32_700);
        }
        client.post("", &deep).await.assert_refused(400, -32_700);
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let options = HttpOptions { body_timeout: Duration::from_millis(50), ..options() };
    let server = TestServer::with(options, Duration::ZERO, ready()).await;
    let mut client = server.client().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 100\r\n\r\n{{",
        mcp_headers()
    );
    client.write(head.as_bytes()).await;
    client.answer().await.assert_refused(408, -32_000);
    client.closed().await;
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let options = HttpOptions { header_timeout: Duration::from_millis(50), ..options() };
    let server = TestServer::with(options, Duration::ZERO, ready()).await;
    for half in ["", "POST", "POST /mcp HTTP/1.1\r\nHost: local"] {
        let mut client = server.client().await;
        client.write(half.as_bytes()).await;
        client.closed().await;
    }
    // A connection that idles between two requests is one too. On a busy machine even the first request may
    // come too late.
    loop {
        let mut client = server.client().await;
        client.send("HEAD", "/livez", "", "").await;
        if let Some(head) = client.try_head().await {
            assert_eq!(head.status, 200);
            client.closed().await;
            break;
        }
    }
}

#[tokio::test]
async fn large_bodies_have_a_limit_together() {
    let limit = HttpOptions::MAX_REQUEST_BYTES_CEILING;
    let options = HttpOptions { max_request_bytes: limit, ..options() };
    let server = TestServer::with(options, Duration::ZERO, ready()).await;
    let session = server.session().await;
    let body = padded(limit);
    // Each lacks its last byte; together they are more than there is room for.
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut client = server.client().await;
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}{session}Content-Length: {limit}\r\n\r\n",
            mcp_headers()
        );
        client.write(head.as_bytes()).await;
        client.write(&body.as_bytes()[..limit - 1]).await;
        waiting.push(client);
    }
    let answers = waiting.iter_mut().map(|client| Box::pin(client.answer()));
    let (refused, which, _) = select_all(answers).await;
    refused.assert_refused(503, -32_000);
    assert_eq!(refused.head.header("retry-after"), Some("1"));
    waiting.remove(which);
    assert_eq!(server.client().await.post(&session, &padded(1_000)).await.head.status, 200);
    let mut served = 0;
    for client in &mut waiting {
        client.write(&body.as_bytes()[limit - 1..]).await;
        // Two that ask for the last room at once may both be refused.
        let status = client.answer().await.head.status;
        assert!(matches!(status, 200 | 503), "{status}");
        served += usize::from(status == 200);
    }
    assert!(served > 0);
    let answer = server.client().await.post(&session, &padded(200_000)).await;
    assert_eq!(answer.head.status, 200);
}

#[tokio::test]
async fn a_length_beyond_all_measure_is_refused_at_once() {
    let server = small().await;
    for length in ["5000", "99999999999999"] {
        let mut client = server.client().await;
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {length}\r\n\r\n",
            mcp_headers()
        );
        client.write(head.as_bytes()).await;
        client.answer().await.assert_refused(413, -32_013);
    }
}
