//! A client over stdio that works in a sandbox session of the built server, from its start to its end.

use std::process::Stdio;

use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::container_tools::installing;
use super::server::Site;
use crate::support::client::{Client, LATEST_SESSION};
use crate::support::docker;

pub(super) type Pipes = Client<tokio::process::ChildStdout, tokio::process::ChildStdin>;

pub(super) fn start(site: &Site) -> (Child, Pipes) {
    let command = site.stdio();
    let mut server = Command::new(&command[0]);
    server.args(&command[1..]).arg("--profile=enterprise").arg("--audit-enabled=false");
    server.env_clear().envs(docker::settings()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.kill_on_drop(true).spawn().unwrap();
    let client = Client::new(server.stdout.take().unwrap(), server.stdin.take().unwrap());
    (server, client)
}

/// Whose container a session is: its host's name is the container's identifier.
async fn instance(client: &mut Pipes, id: &Value) -> Instance {
    let name = json!({ "sessionId": id, "commands": ["cat /etc/hostname"] });
    let name = good(client, "sandbox.exec", name).await;
    let name = name["structuredContent"]["results"][0]["stdout"].as_str().unwrap().to_owned();
    docker::instance_of(name.trim()).await
}

pub(super) async fn good(client: &mut Pipes, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, arguments).await;
    assert_ne!(result["isError"], true, "{result}");
    result
}

#[tokio::test]
async fn a_session_lives_from_initialize_to_stop() {
    let site = Site::new();
    let (mut server, mut client) = start(&site);
    client.initialize(LATEST_SESSION).await;
    let made = good(&mut client, "sandbox.initialize", json!({})).await;
    let made = &made["structuredContent"];
    let instance = instance(&mut client, &made["sessionId"]).await;
    let id = made["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(made["image"], "node:lts-slim");
    assert_eq!(made["timeoutMs"], 1_800_000);

    let commands = ["echo hello > greeting", "cat greeting"];
    let ran =
        good(&mut client, "sandbox.exec", json!({ "sessionId": id, "commands": commands })).await;
    let results = &ran["structuredContent"]["results"];
    assert_eq!(results[1]["stdout"], "hello\n");
    assert_eq!((&results[1]["exitCode"], &results[1]["timedOut"]), (&json!(0), &json!(false)));
    assert!(results[1]["durationMs"].is_u64());
    let text = ran["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "$ echo hello > greeting\n$ cat greeting\nhello\n");

    let code = "import fs from 'node:fs'; import number from 'is-number'; \
                console.log(fs.readFileSync('greeting', 'utf8').trim(), number('7'))";
    let arguments = json!({
        "sessionId": id, "code": code, "dependencies": [{ "name": "is-number", "version": "7.0.0" }],
    });
    client.meta("progressToken", json!("running"));
    let ran = good(&mut client, "sandbox.run_js", arguments).await;
    installing(&mut client, "running").await;
    assert_eq!(ran["structuredContent"]["stdout"], "hello true\n", "{ran}");
    assert_eq!(ran["structuredContent"]["exitCode"], 0);

    let listed = good(&mut client, "sandbox.session.list", json!({})).await;
    assert_eq!(listed["structuredContent"]["sessions"][0]["id"], id);
    let stopped = good(&mut client, "sandbox.stop", json!({ "sessionId": id })).await;
    assert_eq!(stopped["structuredContent"], json!({ "sessionId": id, "stopped": true }));
    let gone = client.call("sandbox.stop", json!({ "sessionId": id })).await;
    assert_eq!(gone["structuredContent"]["code"], "not_found");

    // The end of the server is the end of what was not stopped.
    good(&mut client, "sandbox.initialize", json!({})).await;
    client.hang_up();
    assert!(server.wait().await.unwrap().success());
    docker::nothing_left_of(&instance).await;
}

#[tokio::test]
async fn no_session_runs_of_a_server_that_was_killed() {
    let site = Site::new();
    let (mut server, mut client) = start(&site);
    client.initialize(LATEST_SESSION).await;
    let made = good(&mut client, "sandbox.initialize", json!({})).await;
    let id = made["structuredContent"]["sessionId"].clone();
    let instance = instance(&mut client, &id).await;
    // It tries to hold what the end of the server would close.
    let commands = ["((exec 3<>/proc/1/fd/0; sleep 1000) || sleep 1000) & echo begun"];
    good(&mut client, "sandbox.exec", json!({ "sessionId": id, "commands": commands })).await;
    server.kill().await.unwrap();
    docker::nothing_runs_of(&instance).await;
}
