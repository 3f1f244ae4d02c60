//! Tools of the built server that run in containers: with npm packages, and when everything ends at once.

use serde_json::json;

use super::sandbox::{Pipes, good, start};
use super::server::Site;
use crate::support::client::LATEST_SESSION;
use crate::support::docker;

/// Makes a tool. Code learns in which container it runs: a host's name is its container's identifier.
async fn create(client: &mut Pipes, name: &str, code: &str, more: serde_json::Value) {
    let mut tool = json!({ "name": name, "description": "Of a test.", "code": code });
    tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    good(client, "dynamic.tool.create", json!({ "tool": tool })).await;
}

/// Comes back when the client was told, under this token, that packages are being installed.
pub(super) async fn installing(client: &mut Pipes, token: &str) {
    let told = |message: &serde_json::Value| {
        let words = message["params"]["message"].as_str().unwrap_or_default();
        message["method"] == "notifications/progress"
            && message["params"]["progressToken"] == token
            && words.starts_with("installing ")
    };
    client.wait_for(told).await;
}

#[tokio::test]
async fn a_tool_with_packages_is_locked_when_it_is_made_and_imports_them_in_each_call() {
    let site = Site::new();
    let (mut server, mut client) = start(&site);
    client.initialize(LATEST_SESSION).await;
    let code = "const [{ default: isNumber }, { default: ms }] = \
                await Promise.all([import('is-number'), import('ms')]); \
                return { number: isNumber(args.text), ms: ms('2 days'), in: require('os').hostname() }";
    let dependencies = json!([
        { "name": "is-number", "version": "7.0.0" },
        { "name": "ms", "version": "2.1.3" },
    ]);
    client.meta("progressToken", json!("making"));
    create(&mut client, "text.numbers", code, json!({ "dependencies": dependencies })).await;
    installing(&mut client, "making").await;

    let got = good(&mut client, "dynamic.tool.get", json!({ "name": "text.numbers" })).await;
    let tool = &got["structuredContent"]["tool"];
    assert_eq!(tool["engineResolved"], "docker");
    let locked = tool["lock"].as_array().unwrap();
    for (path, version) in [("node_modules/is-number", "7.0.0"), ("node_modules/ms", "2.1.3")] {
        let package = locked.iter().find(|package| package["path"] == path).unwrap();
        assert_eq!(package["version"], version);
        assert!(package["integrity"].as_str().unwrap().starts_with("sha512-"), "{package}");
    }

    let mut containers = vec![];
    for (text, number) in [("7", true), ("seven", false)] {
        let result = good(&mut client, "text.numbers", json!({ "text": text })).await;
        let text = result["content"][0]["text"].as_str().unwrap();
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!((&value["number"], &value["ms"]), (&json!(number), &json!(172_800_000)));
        containers.push(value["in"].as_str().unwrap().to_owned());
    }
    assert_ne!(containers[0], containers[1], "each call has a container of its own");

    client.meta("progressToken", json!("changing"));
    let patch = json!({ "dependencies": [{ "name": "is-odd", "version": "3.0.1" }] });
    let change = json!({ "name": "text.numbers", "patch": patch });
    good(&mut client, "dynamic.tool.update", change).await;
    installing(&mut client, "changing").await;

    client.hang_up();
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn nothing_runs_of_a_server_that_was_killed_during_a_call() {
    let site = Site::new();
    let (mut server, mut client) = start(&site);
    client.initialize(LATEST_SESSION).await;
    let docker_only = json!({ "engine": "docker" });
    let code = "return require('os').hostname()";
    create(&mut client, "host.name", code, docker_only.clone()).await;
    // Deaf to every signal, with a child that is as stubborn and tries to hold what the end of the server closes.
    let stubborn = "const fs = require('fs'); \
                    const name = (id) => { try { return fs.readFileSync(`/proc/${id}/comm`, 'utf8') } catch {} }; \
                    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {}); \
                    const hold = '(exec 3<>/proc/1/fd/0; exec sleep 1000) || exec sleep 1000'; \
                    require('child_process').spawn('sh', ['-c', hold], { detached: true, stdio: 'ignore' }).unref(); \
                    while (!fs.readdirSync('/proc').some((id) => name(id) === 'sleep\\n')); \
                    ctx.log('info', require('os').hostname()); for (;;) {}";
    create(&mut client, "host.spin", stubborn, docker_only).await;
    good(&mut client, "host.name", json!({})).await;

    client.request("logging/setLevel", json!({ "level": "info" })).await;
    client.start("tools/call", json!({ "name": "host.spin", "arguments": {} })).await;
    let said = client.notification("notifications/message").await;
    let instance = docker::instance_of(said["params"]["data"].as_str().unwrap()).await;
    server.kill().await.unwrap();
    docker::nothing_runs_of(&instance).await;
}
