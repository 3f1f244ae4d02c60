//! How the built program ends on stdio, with calls under way.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::program::program;
use crate::support::client::{Client, LATEST_SESSION};
use crate::support::wait::until;

type Pipes = Client<ChildStdout, ChildStdin>;

/// A server with this grace, and its client.
async fn started(directory: &Path, grace: &str) -> (Child, Pipes) {
    let mut command = program(directory, &["--log-level=error", "--shutdown-grace-seconds", grace]);
    // As a shell starts it: what it starts is in its group.
    let mut server = command.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut client = Client::new(server.stdout.take().unwrap(), server.stdin.take().unwrap());
    client.initialize(LATEST_SESSION).await;
    client.meta("progressToken", json!("running"));
    (server, client)
}

/// Starts a call, and waits until it runs.
async fn running(client: &mut Pipes, code: &str) -> Value {
    let code = format!("ctx.progress(1); {code}");
    // Longer than anything here waits.
    let arguments = json!({ "code": code, "timeoutMs": 120_000 });
    let params = json!({ "name": "run_js_ephemeral", "arguments": arguments });
    let id = client.start("tools/call", params).await;
    client.notification("notifications/progress").await;
    id
}

fn pid(server: &Child) -> Pid {
    Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap()).unwrap()
}

/// The processes below this one.
fn family(root: Pid) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut look = vec![root.as_raw_nonzero().get()];
    while let Some(parent) = look.pop() {
        for task in
            std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten()
        {
            let children =
                std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children = children.split_whitespace().map(|child| child.parse::<i32>().unwrap());
            look.extend(children.filter(|child| found.insert(*child)));
        }
    }
    found
}

/// Whether a process runs nothing any more; somebody may still have to take leave of it.
fn is_over(process: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.lines().any(|line| line.starts_with("Name:") && line.ends_with("exe"))
        || status.lines().any(|line| line.starts_with("State:\tZ"))
}

async fn ends_in_order(end: impl FnOnce(&Child, &mut Pipes)) {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, mut client) = started(directory.path(), "3").await;
    let endless = running(&mut client, "for (;;);").await;
    let short =
        running(&mut client, "await new Promise((r) => setTimeout(r, 200)); return 7").await;
    let family = family(pid(&server));
    assert!(family.len() >= 3, "{family:?}");
    end(&server, &mut client);
    let short = client.answer(&short).await;
    assert_eq!(short["result"]["structuredContent"]["result"], 7, "{short}");
    let endless = client.answer(&endless).await;
    assert_eq!(endless["result"]["structuredContent"]["code"], "cancelled", "{endless}");
    assert_eq!(client.read().await, None);
    assert_eq!(server.wait().await.unwrap().code(), Some(0));
    until(async || family.iter().all(|process| is_over(*process))).await;
}

#[tokio::test]
async fn sigterm_lets_calls_end_and_kills_those_that_do_not() {
    ends_in_order(|server, _| kill_process(pid(server), Signal::TERM).unwrap()).await;
}

#[tokio::test]
async fn sigint_lets_calls_end_and_kills_those_that_do_not() {
    ends_in_order(|server, _| kill_process(pid(server), Signal::INT).unwrap()).await;
}

/// A terminal sends its signal to everything that the shell has started by one command.
#[tokio::test]
async fn ctrl_c_in_a_terminal_lets_calls_end_and_kills_those_that_do_not() {
    ends_in_order(|server, _| kill_process_group(pid(server), Signal::INT).unwrap()).await;
}

#[tokio::test]
async fn the_end_of_standard_input_lets_calls_end_and_kills_those_that_do_not() {
    ends_in_order(|_, client| client.hang_up()).await;
}

/// The grace is longer than anybody waits for a test.
#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, mut client) = started(directory.path(), "300").await;
    running(&mut client, "for (;;);").await;
    let family = family(pid(&server));
    kill_process(pid(&server), Signal::TERM).unwrap();
    kill_process(pid(&server), Signal::INT).unwrap();
    while client.read().await.is_some() {}
    assert_eq!(server.wait().await.unwrap().code(), Some(0));
    until(async || family.iter().all(|process| is_over(*process))).await;
}
