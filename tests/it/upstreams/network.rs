//! Where connections over HTTP may go, and what comes back from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::site::{Options, Site};

/// A server that answers every request with these bytes; how many connections it had.
async fn raw(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 64 << 10];
                if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                    // The client may have gone.
                    stream.write_all(answer.as_bytes()).await.ok();
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                }
            });
        }
    });
    (port, seen)
}

fn at(url: &str) -> serde_json::Value {
    json!({ "alias": "web", "transport": "http", "url": url, "headers": { "X-Key": "hush-hush" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_public_are_refused_in_every_disguise() {
    let (port, seen) = raw(String::new()).await;
    let mut site = Site::with(Options { private_hosts: vec![], ..Options::default() }).await;
    for host in
        ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"]
    {
        let refused = site.refused(at(&format!("http://{host}:{port}/mcp"))).await;
        assert_eq!(refused["code"], "permission_denied", "{host}: {refused}");
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains("MCP_UPSTREAM_PRIVATE_HOSTS"), "{error}");
    }
    let refused = site.refused(at("http://169.254.169.254/latest/meta-data")).await;
    assert_eq!(refused["code"], "permission_denied", "{refused}");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_host_is_listed_with_its_port() {
    let (port, seen) = raw("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    let mut site =
        Site::with(Options { private_hosts: vec!["127.0.0.1:9"], ..Options::default() }).await;
    let refused = site.refused(at(&format!("http://127.0.0.1:{port}/mcp"))).await;
    assert_eq!(refused["code"], "permission_denied", "{refused}");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_nowhere_else() {
    let (elsewhere, seen) = raw(String::new()).await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{elsewhere}/mcp\r\ncontent-length: 0\r\n\r\n"
        );
        let (port, _) = raw(answer).await;
        let mut site = Site::open().await;
        let refused = site.refused(at(&format!("http://127.0.0.1:{port}/mcp"))).await;
        assert!(!refused.to_string().contains("hush-hush"), "{refused}");
        site.end().await;
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "the other origin was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_answers_or_answers_too_much_is_not_attached() {
    let (silent, _) = raw(String::new()).await;
    let connect_timeout = Duration::from_secs(2);
    let mut site = Site::with(Options { connect_timeout, ..Options::default() }).await;
    let refused = site.refused(at(&format!("http://127.0.0.1:{silent}/mcp"))).await;
    assert_eq!(refused["code"], "timeout", "{refused}");

    let huge = "x".repeat(3 << 20);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let (port, _) = raw(format!("{head}content-length: {}\r\n\r\n{huge}", huge.len())).await;
    let refused = site.refused(at(&format!("http://127.0.0.1:{port}/mcp"))).await;
    assert_eq!(refused["isError"], serde_json::Value::Null);
    assert_eq!(refused["code"], "output_too_large", "{refused}");

    let (port, _) = raw(format!("{head}content-length: 9\r\n\r\nnot JSON!")).await;
    let refused = site.refused(at(&format!("http://127.0.0.1:{port}/mcp"))).await;
    assert_eq!(refused["ok"], false, "{refused}");
    let nobody = site.refused(at("http://127.0.0.1:1/mcp")).await;
    assert_eq!(nobody["code"], "engine_unavailable", "{nobody}");
    site.end().await;
}

/// One that is never silent for long, and never done.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_drips_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut question = vec![0; 64 << 10];
                if !stream.read(&mut question).await.is_ok_and(|read| read > 0) {
                    return;
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    sent = stream.write_all(b": still there\n\n").await;
                }
            });
        }
    });
    let connect_timeout = Duration::from_secs(2);
    let mut site = Site::with(Options { connect_timeout, ..Options::default() }).await;
    let refused = site.refused(at(&format!("http://127.0.0.1:{port}/mcp"))).await;
    assert_eq!(refused["code"], "timeout", "{refused}");
    site.end().await;
}
