//! The built server with its own settings: what is attached is there again after a restart, and in every replica, and no
//! secret is in its log.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::site::{TOKEN, own, script};
use crate::support::client::{Client, LATEST_SESSION};
use crate::support::wait::until;

/// A server on stdio in the enterprise profile, and its client.
struct Program {
    process: Child,
    client: Client<ChildStdout, ChildStdin>,
}

impl Program {
    /// One that may start any program.
    async fn start(folder: &TempDir, more: &[String]) -> Self {
        let any = "--upstream-commands=*".to_owned();
        Self::starting_nothing(folder, &[more, &[any]].concat()).await
    }

    /// One that may start no program, as it is unless the operator lists some.
    async fn starting_nothing(folder: &TempDir, more: &[String]) -> Self {
        let log = std::fs::File::options().append(true).create(true).open(log(folder)).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"))
            .args([
                "--profile=enterprise",
                "--experimental-upstream-mcp-attach",
                "--audit-enabled=false",
                "--execution-engine=embedded",
            ])
            .arg(format!("--dynamic-store={}", folder.path().join("own.redb").display()))
            .args(more)
            .current_dir(folder.path())
            .env_clear()
            .env("MCP_ADMIN_TOKEN", TOKEN)
            .env("MCP_LOG_LEVEL", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (process.stdout.take().unwrap(), process.stdin.take().unwrap());
        let mut client = Client::new(input, output);
        client.initialize(LATEST_SESSION).await;
        Self { process, client }
    }

    async fn manage(&mut self, tool: &str, mut arguments: Value) -> Value {
        arguments["adminToken"] = TOKEN.into();
        self.client.call(tool, arguments).await["structuredContent"].clone()
    }

    async fn until_listed(&mut self, name: &str, there: bool) {
        let client = &mut self.client;
        until(async || client.names().await.iter().any(|listed| listed == name) == there).await;
    }

    async fn end(mut self) {
        self.client.hang_up();
        assert!(self.process.wait().await.unwrap().success());
    }
}

fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_restores_what_was_attached_and_no_log_tells_secrets() {
    let (folder, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = Program::start(&folder, &[]).await;
    assert_eq!(first.manage("upstream.mcp.attach", own("up", &theirs)).await["connected"], true);
    let talks =
        r#"*'"tools/call"'*) echo "my token is $TOKEN" >&2; fail -32000 "not with $TOKEN" ;;"#;
    let mut secretive = script("shy", &theirs, talks);
    secretive["env"] = json!({ "TOKEN": "hush-hush-hush" });
    assert_eq!(first.manage("upstream.mcp.attach", secretive).await["connected"], true);
    let refused = first.client.call("shy.work", json!({})).await;
    assert!(refused.to_string().contains("not with ***"), "{refused}");
    first.end().await;

    let mut second = Program::start(&folder, &[]).await;
    second.until_listed("up.system.health", true).await;
    let health = second.client.call("up.system.health", json!({})).await;
    assert_eq!(health["structuredContent"]["status"], "ok", "{health}");
    assert_eq!(
        second.manage("upstream.mcp.detach", json!({ "alias": "up" })).await["detached"],
        true
    );
    second.end().await;

    let mut third = Program::start(&folder, &[]).await;
    third.until_listed("shy.work", true).await;
    assert!(!third.client.names().await.iter().any(|name| name.starts_with("up.")));
    third.end().await;

    let log = std::fs::read_to_string(log(&folder)).unwrap();
    assert!(log.contains("my token is ***"), "{log}");
    assert!(!log.contains("hush-hush-hush") && !log.contains(TOKEN), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_is_started_that_the_operator_has_not_listed() {
    let (folder, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let draft = script("up", &theirs, r#"*'"initialize"'*) touch started ;;"#);
    let mut strict = Program::starting_nothing(&folder, &[]).await;
    let refused = strict.manage("upstream.mcp.attach", draft.clone()).await;
    assert_eq!(refused["code"], "permission_denied", "{refused}");
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("MCP_UPSTREAM_COMMANDS=/bin/sh"), "{error}");
    assert!(!theirs.path().join("started").exists());
    strict.end().await;

    // Nor one that was attached when it was listed.
    let draft = script("up", &theirs, "*nothing*) ;;");
    let listed = ["--upstream-commands=/bin/true,/bin/sh".to_owned()];
    let mut listing = Program::starting_nothing(&folder, &listed).await;
    assert_eq!(listing.manage("upstream.mcp.attach", draft).await["connected"], true);
    listing.end().await;
    script("up", &theirs, r#"*'"initialize"'*) touch started ;;"#);
    let mut strict = Program::starting_nothing(&folder, &[]).await;
    let problem = loop {
        let listed = strict.manage("upstream.mcp.list", json!({})).await;
        let problem = listed["upstreams"][0]["problem"].as_str().unwrap_or_default().to_owned();
        if !problem.is_empty() && !problem.contains("being connected") {
            break problem;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(problem.contains("MCP_UPSTREAM_COMMANDS"), "{problem}");
    assert!(!theirs.path().join("started").exists());
    strict.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_on_the_same_file_has_it_too() {
    let (folder, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut one = Program::start(&folder, &[]).await;
    let mut two = Program::start(&folder, &[]).await;
    assert_eq!(one.manage("upstream.mcp.attach", own("up", &theirs)).await["connected"], true);
    two.until_listed("up.system.health", true).await;
    assert_eq!(two.manage("upstream.mcp.detach", json!({ "alias": "up" })).await["detached"], true);
    one.until_listed("up.system.health", false).await;
    one.end().await;
    two.end().await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn so_has_a_replica_on_the_same_database() {
    use crate::support::postgres::{TestSchema, url};
    let (folder, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let schema = TestSchema::new();
    let database = [
        "--dynamic-backend=postgres".to_owned(),
        format!("--dynamic-pg-url={}", url()),
        format!("--dynamic-pg-schema={}", schema.name),
    ];
    let mut one = Program::start(&folder, &database).await;
    let mut two = Program::start(&folder, &database).await;
    assert_eq!(one.manage("upstream.mcp.attach", own("up", &theirs)).await["connected"], true);
    two.until_listed("up.system.health", true).await;
    let health = two.client.call("up.system.health", json!({})).await;
    assert_eq!(health["structuredContent"]["status"], "ok", "{health}");
    one.end().await;
    assert_eq!(two.manage("upstream.mcp.detach", json!({ "alias": "up" })).await["detached"], true);
    two.end().await;
    let mut again = Program::start(&folder, &database).await;
    let listed = again.manage("upstream.mcp.list", json!({})).await;
    assert_eq!(listed["upstreams"], json!([]));
    again.end().await;
}
