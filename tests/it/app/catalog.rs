//! The registry's use cases.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dynamic_mcp::domain::tool::{Expected, Revision, ToolPatch, ToolPolicy};
use dynamic_mcp::domain::{Actor, ErrorCode};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, context, draft};

fn patch(fields: Value) -> ToolPatch {
    serde_json::from_value(fields).unwrap()
}

fn exactly(number: u64) -> Expected {
    Expected::Exactly(Revision::new(number).unwrap())
}

#[tokio::test]
async fn creates_a_tool_at_revision_one() {
    let test = TestApp::new();
    let made = test.app.catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    assert_eq!(made.revision.get(), 1);
    assert_eq!(test.app.catalog.get("text.echo").unwrap().record(), &made);
    assert_eq!(test.app.catalog.get("text_echo").unwrap().record(), &made, "client-safe spelling");
    assert_eq!(test.store.get(&made.name).await.unwrap(), Some(made));
}

#[tokio::test]
async fn refuses_bad_drafts_before_anything_is_stored() {
    let test = TestApp::new();
    for (fields, code, words) in [
        (json!({ "name": "a" }), ErrorCode::InvalidTool, "3 to 64"),
        (json!({ "name": "system.x" }), ErrorCode::InvalidTool, "reserved"),
        (json!({ "description": "" }), ErrorCode::InvalidTool, "description"),
        (json!({ "code": "echo\nno such step" }), ErrorCode::InvalidTool, "line 2"),
        (json!({ "timeoutMs": 999 }), ErrorCode::InvalidTool, "1000 to 120000"),
        (json!({ "timeoutMs": 120_001 }), ErrorCode::InvalidTool, "1000 to 120000"),
        (json!({ "image": "python:3" }), ErrorCode::InvalidTool, "node:lts-slim"),
        (json!({ "inputSchema": { "type": "string" } }), ErrorCode::InvalidTool, "object"),
        (json!({ "outputSchema": { "required": "a" } }), ErrorCode::InvalidTool, "outputSchema"),
        (
            json!({ "permissions": { "net": ["https://example.com"] } }),
            ErrorCode::PermissionDenied,
            "https://example.com",
        ),
        (
            json!({ "dependencies": [{ "name": "pm2", "version": "1" }] }),
            ErrorCode::InvalidTool,
            "pm2",
        ),
    ] {
        let refused = test.app.catalog.create(Actor::Local, draft(&fields)).await.unwrap_err();
        assert_eq!(refused.code(), code, "{fields}: {refused}");
        assert!(refused.public_message().contains(words), "{fields}: {refused}");
    }
    assert!(test.store.list().await.unwrap().tools.is_empty());
}

#[tokio::test]
async fn a_name_and_its_spelling_are_taken_once() {
    let test = TestApp::new();
    test.app.catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    for (name, words) in [("text.echo", "already exists"), ("text_echo", "text.echo")] {
        let again = draft(&json!({ "name": name }));
        let refused = test.app.catalog.create(Actor::Local, again).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AlreadyExists);
        assert!(refused.public_message().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn of_colliding_creates_at_once_one_wins() {
    let test = TestApp::new();
    let creates = (0..16).map(|n| {
        let name = if n % 2 == 0 { "text.echo" } else { "text_echo" };
        test.app.catalog.create(Actor::Local, draft(&json!({ "name": name })))
    });
    let done = futures_util::future::join_all(creates).await;
    assert_eq!(done.iter().filter(|made| made.is_ok()).count(), 1);
    assert_eq!(test.store.list().await.unwrap().tools.len(), 1);
}

#[tokio::test]
async fn an_update_makes_the_next_revision_and_a_stale_one_changes_nothing() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    let made = catalog.create(Actor::Local, draft(&json!({ "title": "Old" }))).await.unwrap();
    test.clock.advance(Duration::from_secs(1));
    let change = patch(json!({ "title": null, "description": "New." }));
    let next = catalog.update(Actor::Admin, "text.echo", change.clone(), exactly(1)).await.unwrap();
    assert_eq!((next.revision.get(), &next.content.title), (2, &None));
    assert_eq!(next.digest, made.digest, "words for people do not change behaviour");
    assert_eq!((next.created_at, next.actor.clone()), (made.created_at, Actor::Admin));
    assert!(next.updated_at > made.updated_at);

    let stale = catalog.update(Actor::Local, "text.echo", change, exactly(1)).await.unwrap_err();
    assert_eq!(stale.code(), ErrorCode::RevisionConflict);
    assert_eq!(stale.details(), Some(json!({ "expected": 1, "actual": 2 })));
    assert!(stale.public_message().contains("conflict"));
    assert_eq!(test.store.get(&next.name).await.unwrap(), Some(next));
}

#[tokio::test]
async fn updates_without_an_expected_revision_are_all_applied() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    let updates = (0..20).map(|n| {
        let change = patch(json!({ "tags": [format!("tag{n}")] }));
        catalog.update(Actor::Local, "text.echo", change, Expected::Any)
    });
    for done in futures_util::future::join_all(updates).await {
        done.unwrap();
    }
    assert_eq!(catalog.get("text.echo").unwrap().record().revision.get(), 21);
}

#[tokio::test]
async fn a_snapshot_that_lags_behind_the_store_refuses_no_right_revision() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    let made = catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    // Another process writes; nobody has told this one yet.
    let edit = dynamic_mcp::domain::tool::record::Edit {
        change: dynamic_mcp::domain::tool::Change::Update,
        actor: Actor::External,
        at: made.updated_at,
    };
    let theirs = made.set_enabled(false, Expected::Any, edit).unwrap();
    test.store.replace(Arc::new(theirs), made.revision).await.unwrap();
    let ours = catalog.set_enabled(Actor::Local, "text.echo", true, exactly(2)).await.unwrap();
    assert_eq!(ours.revision.get(), 3);
}

#[tokio::test]
async fn code_is_parsed_only_when_it_changes() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    let checked = || test.engine.checked();
    assert_eq!(checked(), 1);
    let update = |fields| catalog.update(Actor::Local, "text.echo", patch(fields), Expected::Any);
    update(json!({ "title": "T" })).await.unwrap();
    update(json!({ "code": "echo" })).await.unwrap();
    assert_eq!(checked(), 1);
    update(json!({ "code": "return 1" })).await.unwrap();
    assert_eq!(checked(), 2);
    let refused = update(json!({ "code": "what" })).await.unwrap_err();
    assert_eq!(refused.details(), Some(json!({ "line": 1, "column": 1 })));
}

#[tokio::test]
async fn schemas_are_compiled_once_a_definition() {
    let test = TestApp::new();
    let (catalog, runner) = (&test.app.catalog, &test.app.runner);
    let compiled = || test.schemas.compiled.load(Ordering::SeqCst);
    let schema = json!({ "type": "object" });
    let fields = json!({ "inputSchema": schema, "outputSchema": schema });
    catalog.create(Actor::Local, draft(&fields)).await.unwrap();
    runner.call(context().0, "text.echo", None).await.unwrap();
    assert_eq!(compiled(), 2);
    let change = patch(json!({ "code": "return {}" }));
    catalog.update(Actor::Local, "text.echo", change, Expected::Any).await.unwrap();
    runner.call(context().0, "text.echo", None).await.unwrap();
    assert_eq!(compiled(), 4);
    for enabled in [false, true] {
        catalog.set_enabled(Actor::Local, "text.echo", enabled, Expected::Any).await.unwrap();
    }
    runner.call(context().0, "text.echo", None).await.unwrap();
    assert_eq!(compiled(), 4, "what is only enabled is defined as before");
}

#[tokio::test]
async fn a_deleted_name_goes_on_from_its_last_revision() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    catalog.set_enabled(Actor::Local, "text.echo", false, Expected::Any).await.unwrap();
    let stale = catalog.delete("text.echo", exactly(1)).await.unwrap_err();
    assert_eq!(stale.code(), ErrorCode::RevisionConflict);
    catalog.delete("text_echo", exactly(2)).await.unwrap();
    assert_eq!(catalog.get("text.echo").err().unwrap().code(), ErrorCode::NotFound);

    let again = catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    assert_eq!(again.revision.get(), 3);
    catalog.delete("text.echo", Expected::Any).await.unwrap();

    // A server that has just started has not seen the deletion.
    let other = TestApp::with(Setup { store: Arc::clone(&test.store), ..Setup::default() });
    let again = other.app.catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    assert_eq!(again.revision.get(), 4);
}

#[tokio::test]
async fn the_limit_of_tools_holds_under_racing_creates() {
    let test = TestApp::with(Setup { max_tools: 5, ..Setup::default() });
    let creates = (0..20).map(|n| {
        let draft = draft(&json!({ "name": format!("tool.n{n}") }));
        test.app.catalog.create(Actor::Local, draft)
    });
    let done = futures_util::future::join_all(creates).await;
    assert_eq!(done.iter().filter(|made| made.is_ok()).count(), 5);
    let refused = done.into_iter().find_map(Result::err).unwrap();
    assert_eq!(refused.code(), ErrorCode::LimitReached);
    assert!(refused.public_message().contains("MCP_DYNAMIC_MAX_TOOLS"));
}

#[tokio::test]
async fn dependencies_are_stored_and_need_docker() {
    let test = TestApp::new();
    let with = |engine: &str| {
        draft(&json!({ "engine": engine, "dependencies": [{ "name": "zod", "version": "3" }] }))
    };
    let refused = test.app.catalog.create(Actor::Local, with("embedded")).await.unwrap_err();
    assert!(refused.public_message().contains("docker"), "{refused}");
    let made = test.app.catalog.create(Actor::Local, with("auto")).await.unwrap();
    assert_eq!(made.engine_resolved.as_str(), "docker");
}

#[tokio::test]
async fn every_change_is_told_and_so_are_those_of_others() {
    let test = TestApp::new();
    let catalog = &test.app.catalog;
    let mut changes = catalog.changes();
    catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    catalog.reload().await.unwrap();
    assert!(!changes.has_changed().unwrap(), "what is the same is no change");

    let events = test.store.watch();
    let stop = test.lifecycle.stopped.clone();
    let following =
        tokio::spawn(dynamic_mcp::app::follow::follow(Arc::clone(catalog), events, stop.clone()));
    let other = TestApp::with(Setup { store: Arc::clone(&test.store), ..Setup::default() });
    other.app.catalog.create(Actor::Local, draft(&json!({ "name": "of.another" }))).await.unwrap();
    changes.changed().await.unwrap();
    assert!(catalog.get("of.another").is_ok());
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn the_operator_s_policy_bounds_definitions() {
    let policy = ToolPolicy { max_timeout_ms: 5_000, ..ToolPolicy::default() };
    let test = TestApp::with(Setup { policy, ..Setup::default() });
    let made = test.app.catalog.create(Actor::Local, draft(&json!({}))).await.unwrap();
    assert_eq!(made.content.timeout_ms, 5_000, "the default gives way to the operator's maximum");
    let longer = draft(&json!({ "name": "too.long", "timeoutMs": 5_001 }));
    assert!(test.app.catalog.create(Actor::Local, longer).await.is_err());
}
