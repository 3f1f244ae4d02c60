//! The runbook's commands, run as they are written there; those by Compose are run in `compose`. What needs a cluster or a
//! running systemd is run nowhere, and the page says so.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::process::Command;

use super::commands::commands;
use super::image::succeed;
use super::text;
use crate::support::postgres::{TestSchema, url};
use crate::support::replica::{Replica, call, create, is_ok, names};

/// How commands begin that are run here, that about the history of deleted tools with its schema in `postgres::runbook`.
const HERE: [&str; 6] =
    ["curl --fail --silent", "dynamic-mcp ", "pg_dump ", "pg_restore ", "psql ", "openssl "];

/// Waits for a replica at the port that the compose file gives it.
const WAITS: &str = "curl --fail --retry 30";

/// How the others begin.
const ELSEWHERE: [&str; 5] = ["docker ", "export ", "kubectl ", "helm ", "sudo "];

/// The page's commands that begin so.
pub(super) fn written(beginning: &str) -> Vec<String> {
    let all = commands(&text("docs/production-runbook.md"));
    let found: Vec<_> = all.into_iter().filter(|command| command.starts_with(beginning)).collect();
    assert!(!found.is_empty(), "no command begins with {beginning}");
    found
}

/// Runs a command that must succeed, in a folder, with these variables: what it prints.
pub(super) async fn run(command: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_dynamic-mcp")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", command]).current_dir(folder).env("PATH", path);
    succeed(shell.envs(variables.iter().copied())).await
}

#[test]
fn every_command_is_known_here() {
    let known = |command: &str| {
        HERE.iter().chain(&ELSEWHERE).chain([&WAITS]).any(|so| command.starts_with(so))
    };
    for command in commands(&text("docs/production-runbook.md")) {
        assert!(known(&command), "run it in a test, or name it as one that can't be: {command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_verified() {
    let schema = TestSchema::new();
    let settings = [("MCP_DYNAMIC_PG_SCHEMA", schema.name.clone())];
    let replica = Replica::start(&url(), &settings).await;
    replica.ready().await;
    assert!(is_ok(&create(replica.address, "text.first", "return 1").await));
    let folder = tempfile::tempdir().unwrap();
    let (address, database) = (format!("http://{}", replica.address), url());
    let variables = [
        ("URL", address.as_str()),
        ("TOKEN", "not asked for here"),
        ("MCP_EXECUTION_ENGINE", "embedded"),
        ("MCP_DYNAMIC_BACKEND", "postgres"),
        ("MCP_DYNAMIC_PG_URL", &database),
        ("MCP_DYNAMIC_PG_SCHEMA", &schema.name),
    ];
    for command in written(WAITS) {
        let command = command.replace("127.0.0.1:8788", &replica.address.to_string());
        run(&command, folder.path(), &[]).await;
    }
    let mut said = Vec::new();
    for command in written(HERE[0]) {
        said.push(run(&command, folder.path(), &variables).await);
    }
    let [_, ready, uptime, job] = &said[..] else { panic!("{said:?}") };
    assert!(ready.contains(r#""status":"ready""#), "{ready}");
    assert!(uptime.contains("\ndynamic_mcp_process_uptime_seconds "), "{uptime}");
    assert!(job.contains(r#""result":42"#), "{job}");

    let mut said = Vec::new();
    for command in written(HERE[1]) {
        let json: Value =
            serde_json::from_str(&run(&command, folder.path(), &variables).await).unwrap();
        said.push(json);
    }
    let [_, listed] = &said[..] else { panic!("{said:?}") };
    assert!(listed.to_string().contains("text.first"), "{listed}");
    for command in written(HERE[5]) {
        assert_eq!(run(&command, folder.path(), &[]).await.len(), 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_backed_up_and_restored() {
    let name = format!("runbook_{}", std::process::id());
    let server = PgPool::connect(&url()).await.unwrap();
    let sql = format!("CREATE DATABASE {name}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&server).await.unwrap();
    let mut database = url::Url::parse(&url()).unwrap();
    database.set_path(&name);
    let folder = tempfile::tempdir().unwrap();
    let variables = [("MCP_DYNAMIC_PG_URL", database.as_str())];

    let mut replica = Replica::start(database.as_str(), &[]).await;
    replica.ready().await;
    assert!(is_ok(&create(replica.address, "text.kept", "return 1").await));
    for command in written("pg_dump ") {
        run(&command, folder.path(), &variables).await;
    }
    let restores = written("pg_restore ");
    let [list, restore] = &restores[..] else { panic!("{restores:?}") };
    assert!(run(list, folder.path(), &variables).await.contains("TABLE dynamic_mcp dynamic_tools"));
    assert!(is_ok(&create(replica.address, "text.later", "return 1").await));
    let gone = call(replica.address, "dynamic.tool.delete", json!({ "name": "text.kept" })).await;
    assert!(is_ok(&gone), "{gone}");
    assert!(replica.terminate().await.success());
    run(restore, folder.path(), &variables).await;
    for command in written("psql ") {
        run(&command, folder.path(), &variables).await;
    }

    let replica = Replica::start(database.as_str(), &[]).await;
    replica.ready().await;
    assert_eq!(names(replica.address).await, ["text.kept"]);
    drop(replica);
    let sql = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&server).await.unwrap();
}
