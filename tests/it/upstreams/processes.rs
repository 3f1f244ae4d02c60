//! Programs as servers: what they are given, and that nothing of them is left.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::site::{Site, script};
use crate::support::wait::until;

/// Starts a child in the group, and one that leaves it; their numbers are in the folder.
const FORKS: &str = r#"*'"initialize"'*) sleep 1000 & echo $! > child
      setsid sh -c 'echo $$ > runaway; exec sleep 1000' & while [ ! -s runaway ]; do sleep 0.01; done
      echo $$ > self; answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"script","version":"1"}}' ;;"#;

fn alive(folder: &TempDir) -> Vec<String> {
    let of = |name: &str| {
        let pid = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let status = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        // One that nobody has waited for yet is dead all the same.
        status.is_ok_and(|status| !status.contains(") Z "))
    };
    let names = ["self", "child", "runaway"];
    names.into_iter().filter(|name| of(name)).map(str::to_owned).collect()
}

async fn all_gone(folder: &TempDir) {
    until(async || alive(folder).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn detaching_ends_a_program_with_all_its_descendants() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    site.attach(script("up", &folder, FORKS)).await;
    assert_eq!(alive(&folder), ["self", "child", "runaway"]);
    assert_eq!(site.detach("up").await["detached"], true);
    assert!(alive(&folder).is_empty(), "left: {:?}", alive(&folder));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ignores_the_end_of_its_input_and_every_signal_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let stays = FORKS.replace("echo $$ > self;", "trap '' HUP INT TERM PIPE; echo $$ > self;");
    let mut draft = script("up", &folder, &stays);
    let path = draft["args"][0].as_str().unwrap().to_owned();
    let forever = std::fs::read_to_string(&path).unwrap() + "\nwhile :; do sleep 1; done\n";
    std::fs::write(&path, forever).unwrap();
    draft["timeoutMs"] = 1_000.into();
    site.attach(draft).await;
    assert_eq!(alive(&folder), ["self", "child", "runaway"]);
    assert_eq!(site.detach("up").await["detached"], true);
    assert!(alive(&folder).is_empty(), "left: {:?}", alive(&folder));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_the_end_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    site.attach(script("up", &folder, FORKS)).await;
    site.end().await;
    assert!(alive(&folder).is_empty(), "left: {:?}", alive(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn and_a_program_that_dies_leaves_no_orphans() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let dies = format!("{FORKS}\n    *'\"tools/call\"'*) kill -9 $$ ;;");
    site.attach(script("up", &folder, &dies)).await;
    let children = ["child", "runaway"];
    let pids = children.map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
    site.client().call("up.work", json!({})).await;
    // Started again it has others.
    for pid in pids {
        let stat = Path::new("/proc").join(pid.trim()).join("stat");
        let is_dead = |stat: String| stat.contains(") Z ");
        until(async || std::fs::read_to_string(&stat).map_or(true, is_dead)).await;
    }
    site.detach("up").await;
    all_gone(&folder).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_attached_after_all_is_gone_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let long = "x".repeat(70);
    let on = format!(
        "{FORKS}\n    *'\"tools/list\"'*) answer \"{{\\\"tools\\\":[$(tool {long})]}}\" ;;"
    );
    let refused = site.refused(script("up", &folder, &on)).await;
    assert!(refused["error"].as_str().unwrap().contains("64 characters"), "{refused}");
    all_gone(&folder).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_what_was_configured_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let on = r#"*'"initialize"'*) tr '\0' '\n' < /proc/$$/environ | sort > seen
      answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"script","version":"1"}}' ;;"#;
    let mut draft = script("up", &folder, on);
    draft["env"] = json!({ "ONE": "1", "TWO": "zwei" });
    site.attach(draft).await;
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    let names: Vec<_> = seen.lines().filter_map(|line| line.split_once('=')).collect();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["DYNAMIC_MCP_UPSTREAM", "ONE", "PATH", "TWO"], "{seen}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_logs_lines_without_end_and_what_is_no_text_can_go_on_logging() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    // More than a pipe holds: without a reader it can't be written.
    let logs = r#"*'"tools/call"'*) head -c 10000 /dev/zero >&2; printf '\n\377\376\n' >&2
      if head -c 300000 /dev/zero | tr '\0' '\n' >&2; then text done; else text broken; fi ;;"#;
    site.attach(script("up", &folder, logs)).await;
    let called = site.client().call("up.work", json!({})).await;
    assert_eq!(called["content"][0]["text"], "done", "{called}");
    site.end().await;
}
