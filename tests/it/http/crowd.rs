//! More connections than the process may have files: the rest is turned away, what was begun goes on, and afterwards all
//! is as before.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{Client, stateless, stateless_headers};
use crate::e2e::server::Site;
use crate::support::wait::until;

/// Only keeps a broken test from hanging.
const HANG: Duration = Duration::from_mins(1);

/// A call that needs a sandbox, and so files.
async fn add(client: &mut Client) {
    let arguments = json!({ "code": "return 1 + 1" });
    let params = format!(r#""name":"run_js_ephemeral","arguments":{arguments}"#);
    let headers = stateless_headers("tools/call", Some("run_js_ephemeral"));
    let answer = client.post(&headers, &stateless(1, "tools/call", &params)).await.json();
    assert_eq!(answer["result"]["structuredContent"]["result"], 2, "{answer}");
}

#[tokio::test]
async fn a_crowd_is_turned_away_and_the_server_goes_on() {
    let site = Site::new();
    let server = site.http_under(&["prlimit", "--nofile=256:256"], |_| Vec::new()).await;
    let mut early = Client::connect(server.address).await;
    add(&mut early).await;
    let mut crowd = Vec::new();
    for number in 0..400 {
        let mut one = TcpStream::connect(server.address).await.unwrap();
        if number % 2 == 0 {
            // What is half said keeps its place. Whoever has none is cut off, perhaps while it writes.
            let _cut = one.write_all(b"POST /mcp HTTP/1.1\r\nHost: local").await;
        }
        crowd.push(one);
    }
    for turned_away in crowd[200..].iter_mut().skip(1).step_by(2) {
        let mut said = Vec::new();
        let ended = turned_away.read_to_end(&mut said);
        tokio::time::timeout(HANG, ended).await.unwrap().unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("Too many conn"), "{said}");
    }
    add(&mut early).await;
    drop(crowd);
    let let_in = async || {
        let Some(mut client) = Client::try_connect(server.address).await else { return false };
        client.send("GET", "/livez", "", "").await;
        client.try_head().await.is_some_and(|head| head.status == 200)
    };
    until(let_in).await;
    add(&mut Client::connect(server.address).await).await;
    server.stop().await;
}
