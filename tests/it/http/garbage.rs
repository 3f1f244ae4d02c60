//! Bytes that are no HTTP, or hardly.

use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::HttpOptions;

use super::server::{TestServer, options, ready};
use crate::support::wait::until;

#[tokio::test]
async fn garbage_is_answered_and_harms_nobody() {
    let server = TestServer::start().await;
    let garbage: [&[u8]; 6] = [
        b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ];
    for bytes in garbage {
        let mut client = server.client().await;
        client.write(bytes).await;
        let answer = client.answer().await;
        answer.assert_refused(400, -32_000);
        assert!(answer.json()["id"].is_null());
        client.closed().await;
    }
    assert_eq!(server.client().await.get("GET", "/livez", "").await.head.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let large = format!("X-Large: {}\r\n", "a".repeat(33_000));
    client.send("GET", "/livez", &large, "").await;
    client.answer().await.assert_refused(431, -32_000);
    let many = "X-Many: a\r\n".repeat(200);
    let mut client = server.client().await;
    client.send("GET", "/livez", &many, "").await;
    client.answer().await.assert_refused(431, -32_000);
}

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let server = TestServer::start().await;
    let lengths = [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n",
        "Content-Length: -1\r\n",
    ];
    for lengths in lengths {
        let mut client = server.client().await;
        let head = format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\nhello");
        client.write(head.as_bytes()).await;
        client.answer().await.assert_refused(400, -32_000);
        client.closed().await;
    }
}

#[tokio::test]
async fn a_chunk_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\nzz\r\n";
    client.write(head.as_bytes()).await;
    client.answer().await.assert_refused(400, -32_000);
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let server = TestServer::start().await;
    for part in ["P", "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"] {
        let mut client = server.client().await;
        client.write(part.as_bytes()).await;
        drop(client);
    }
    assert_eq!(server.client().await.get("GET", "/livez", "").await.head.status, 200);
    until(async || server.lifecycle.calls.is_empty()).await;
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so() {
    let options = HttpOptions { max_connections: 2, ..options() };
    let server = TestServer::with(options, Duration::ZERO, ready()).await;
    let mut first = server.client().await;
    let mut second = server.client().await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.get("GET", "/livez", "").await.head.status, 200);
    }
    let mut third = server.client().await;
    let answer = third.answer().await;
    answer.assert_refused(503, -32_000);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
    third.closed().await;
    // A place becomes free when somebody leaves.
    drop(second);
    loop {
        let mut next = server.client().await;
        next.send("GET", "/livez", "", "").await;
        if next.try_head().await.is_some_and(|head| head.status == 200) {
            break;
        }
    }
}
