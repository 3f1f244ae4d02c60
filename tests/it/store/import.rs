//! The Node project's `tools.json`.

use std::fs;
use std::path::{Path, PathBuf};

use dynamic_mcp::adapters::outbound::store::file::OpenError;
use dynamic_mcp::domain::Actor;
use dynamic_mcp::domain::tool::record::rfc3339;
use dynamic_mcp::domain::tool::{Change, EngineKind, ToolName};
use dynamic_mcp::ports::ToolStore as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{open, try_open};
use crate::support::records::revised;

fn tool(fields: &Value) -> Value {
    let mut tool = json!({
        "name": "text.upper",
        "title": "Upper",
        "description": "Makes it upper.",
        "image": "node:lts-slim",
        "timeoutMs": 30_000,
        "dependencies": [],
        "code": "return args.text.toUpperCase();",
        "enabled": true,
        "createdAt": "2026-01-02T03:04:05.678Z",
        "updatedAt": "2026-02-03T04:05:06.789Z",
        "revision": 7
    });
    tool.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    tool
}

/// A folder with a `tools.json`, and its path.
fn folder(json: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.json");
    fs::write(&path, json).unwrap();
    (folder, path)
}

fn store(tools: &[Value]) -> Vec<u8> {
    serde_json::to_vec_pretty(&json!({ "version": 1, "tools": tools })).unwrap()
}

fn external(name: &str) -> ToolName {
    ToolName::parse_external(name).unwrap()
}

#[tokio::test]
async fn tools_are_taken_over_once_and_the_json_is_left() {
    let json = store(&[
        tool(&json!({})),
        tool(&json!({ "name": "a.disabled", "enabled": false, "revision": 1 })),
    ]);
    let (folder, path) = folder(&json);
    let opened = open(&path).await;
    let tools = opened.store.list().await.unwrap().tools;
    assert_eq!(tools.len(), 2);
    let upper = opened.store.get(&external("text.upper")).await.unwrap().unwrap();
    assert_eq!(upper.content.title.as_deref(), Some("Upper"));
    assert_eq!(upper.content.description, "Makes it upper.");
    assert_eq!(&*upper.content.code, "return args.text.toUpperCase();");
    assert_eq!(upper.content.image.as_str(), "node:lts-slim");
    assert_eq!(upper.content.timeout_ms, 30_000);
    assert_eq!(upper.revision.get(), 7);
    assert_eq!(rfc3339(upper.created_at), "2026-01-02T03:04:05.678Z");
    assert_eq!(rfc3339(upper.updated_at), "2026-02-03T04:05:06.789Z");
    assert_eq!((&upper.actor, upper.change), (&Actor::Import, Change::Import));
    assert_eq!(upper.engine_resolved, EngineKind::Embedded);
    assert!(upper.enabled);
    assert!(!tools[0].enabled, "{:?}", tools[0].name);

    // Goes on from its revision; and a second start imports nothing again.
    opened.store.replace(revised(&upper, "return 1"), upper.revision).await.unwrap();
    opened.store.remove(&tools[0].name, tools[0].revision).await.unwrap();
    opened.close().await;
    let again = open(&path).await.store.list().await.unwrap().tools;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].revision.get(), 8);
    assert_eq!(fs::read(&path).unwrap(), json);
    assert!(folder.path().join("tools.redb").is_file());
}

#[tokio::test]
async fn what_todays_policy_refuses_is_kept() {
    let dependencies: Vec<_> = (0..40)
        .map(|n| json!({ "name": format!("pkg-{n}"), "version": "9".repeat(100), "dev": true }))
        .chain([json!({ "name": "pm2", "version": "1" })])
        .collect();
    let (_folder, path) = folder(&store(&[
        tool(&json!({ "name": "system.status" })),
        tool(&json!({ "name": "with.deps", "dependencies": dependencies })),
        tool(&json!({ "name": "odd.image", "image": "docker.evil.example/x:1" })),
        tool(&json!({ "name": "bad.image", "image": "Not An Image", "timeoutMs": 1 })),
        tool(
            &json!({ "name": "old.shape", "unknown": [1], "revision": 9_007_199_254_740_991_u64 }),
        ),
        json!({
            "name": "least.fields", "description": "d", "code": "c", "revision": 1,
            "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05.123456Z"
        }),
    ]));
    let opened = open(&path).await;
    let listing = opened.store.list().await.unwrap();
    assert_eq!((listing.tools.len(), listing.corrupt.len()), (6, 0));
    let get = async |name| opened.store.get(&external(name)).await.unwrap().unwrap();
    let with_deps = get("with.deps").await;
    assert_eq!(with_deps.content.dependencies.len(), 41);
    assert_eq!(with_deps.content.dependencies[0].version.len(), 100);
    assert_eq!(with_deps.engine_resolved, EngineKind::Docker);
    assert_eq!(get("odd.image").await.content.image.as_str(), "docker.evil.example/x:1");
    let bad_image = get("bad.image").await;
    assert_eq!(bad_image.content.image.as_str(), "node:lts-slim");
    assert_eq!(bad_image.content.timeout_ms, 1);
    assert_eq!(get("old.shape").await.revision.get(), 9_007_199_254_740_991);
    let least = get("least.fields").await;
    assert!(least.enabled && least.content.title.is_none());
    assert_eq!(least.content.timeout_ms, 30_000);
}

#[tokio::test]
async fn an_absent_json_is_an_empty_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.JSON");
    let opened = open(&path).await;
    assert_eq!(opened.store.list().await.unwrap().tools, []);
    assert!(folder.path().join("tools.redb").is_file());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_corrupt_json_ends_the_start_and_is_left_as_it_is() {
    let twice = store(&[tool(&json!({})), tool(&json!({}))]);
    let whole = store(&[tool(&json!({}))]);
    let later = serde_json::to_vec(&json!({ "version": 2, "tools": [] })).unwrap();
    for json in [
        &b""[..],
        b"null",
        b"[]",
        b"{\"version\":1}",
        b"\xff\xfe",
        &whole[..whole.len() - 5],
        &later,
        &twice,
        &store(&[tool(&json!({ "name": "a b" }))]),
        &store(&[tool(&json!({ "revision": 0 }))]),
        &store(&[tool(&json!({ "timeoutMs": -1 }))]),
        &store(&[tool(&json!({ "createdAt": "yesterday" }))]),
        &store(&[tool(&json!({ "code": null }))]),
    ] {
        let (folder, path) = folder(json);
        let error = try_open(&path).await.err().unwrap();
        assert!(matches!(error, OpenError::Import { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), json);
        assert_eq!(entries(folder.path()), ["tools.json"]);
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
