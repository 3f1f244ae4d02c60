//! Memory that large messages took is given back to the system.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::server::Site;
use crate::support::client::{Client, LATEST_SESSION};
use crate::support::wait::until;

const MIB: u64 = 1024 * 1024;

/// One of a process's sizes in memory, in bytes.
fn size(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn memory_of_large_messages_is_given_back() {
    let site = Site::new();
    let [program, store] = <[String; 2]>::try_from(site.stdio()).unwrap();
    let mut process = Command::new(program)
        .arg(store)
        .env("MCP_EXECUTION_ENGINE", "embedded")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = process.id().unwrap();
    let mut client = Client::new(process.stdout.take().unwrap(), process.stdin.take().unwrap());
    client.initialize(LATEST_SESSION).await;
    let many: Value = vec![json!({ "i": 1 }); 200_000].into();
    for _ in 0..4 {
        let answer = client.call("system.health", json!({ "many": many })).await;
        assert_eq!(answer["structuredContent"]["code"], "invalid_input", "{answer}");
    }
    assert!(size(pid, "VmHWM:") > 128 * MIB, "the messages were too small to show anything");
    until(async || size(pid, "RssAnon:") <= 96 * MIB).await;
    client.hang_up();
    assert!(process.wait().await.unwrap().success());
}
