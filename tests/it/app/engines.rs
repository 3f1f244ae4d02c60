//! Which engine runs a tool: decided once for a revision, and kept whatever comes later.

use std::sync::Arc;

use dynamic_mcp::adapters::outbound::fakes::FakeEngine;
use dynamic_mcp::app::Output;
use dynamic_mcp::domain::tool::{EngineChoice, EngineKind, Expected};
use dynamic_mcp::domain::{Actor, ErrorCode};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, context, draft};

use EngineKind::{Docker, Embedded};

/// A server with both engines, and a hand on the daemon.
fn both(preference: EngineChoice) -> (TestApp, Arc<FakeEngine>) {
    let docker = Arc::new(FakeEngine::of(Docker));
    let setup = Setup { docker: Some(docker.clone()), preference, ..Setup::default() };
    (TestApp::with(setup), docker)
}

async fn made(test: &TestApp, name: &str, fields: Value) -> EngineKind {
    let mut fields = fields;
    fields["name"] = name.into();
    test.app.catalog.create(Actor::Local, draft(&fields)).await.unwrap().engine_resolved
}

fn kept(test: &TestApp, name: &str) -> EngineKind {
    test.app.catalog.get(name).unwrap().record().engine_resolved
}

async fn call(test: &TestApp, name: &str) -> Result<(), ErrorCode> {
    match test.app.runner.call(context().0, name, None).await.map(|result| result.output) {
        Ok(Output::Failed(error)) | Err(error) => Err(error.code()),
        Ok(_) => Ok(()),
    }
}

#[tokio::test]
async fn a_tools_own_choice_counts_most_then_its_packages_then_the_server() {
    use EngineChoice::Auto;
    let packages = json!([{ "name": "zod", "version": "3" }]);
    for (preference, daemon, fields, engine) in [
        (Auto, true, json!({ "engine": "embedded" }), Embedded),
        (Auto, false, json!({ "engine": "docker" }), Docker),
        (EngineChoice::Embedded, true, json!({ "engine": "docker" }), Docker),
        (EngineChoice::Docker, true, json!({ "engine": "embedded" }), Embedded),
        (Auto, false, json!({ "dependencies": packages }), Docker),
        (EngineChoice::Embedded, true, json!({ "dependencies": packages }), Docker),
        (Auto, true, json!({}), Docker),
        (Auto, false, json!({}), Embedded),
        (Auto, true, json!({ "engine": "auto" }), Docker),
        (EngineChoice::Embedded, true, json!({}), Embedded),
        (EngineChoice::Docker, false, json!({}), Docker),
        // An image counts where docker runs the tool, and forces nothing.
        (Auto, false, json!({ "image": "node:lts-slim" }), Embedded),
        (EngineChoice::Embedded, true, json!({ "image": "node:lts-slim" }), Embedded),
    ] {
        let (test, docker) = both(preference);
        docker.set_away(!daemon);
        let found = made(&test, "text.echo", fields.clone()).await;
        assert_eq!(found, engine, "{preference:?}, daemon: {daemon}, {fields}");
        assert_eq!(kept(&test, "text.echo"), engine);
    }
}

#[tokio::test]
async fn what_was_decided_stays_when_the_daemon_goes_or_comes() {
    let (test, docker) = both(EngineChoice::Auto);
    assert_eq!(made(&test, "made.with", json!({})).await, Docker);
    docker.set_away(true);
    assert_eq!(made(&test, "made.without", json!({})).await, Embedded);

    assert_eq!(kept(&test, "made.with"), Docker);
    assert_eq!(call(&test, "made.with").await, Err(ErrorCode::EngineUnavailable));
    assert_eq!((docker.started(), test.engine.started()), (0, 0), "it is run nowhere else");
    assert_eq!(call(&test, "made.without").await, Ok(()));

    docker.set_away(false);
    assert_eq!(call(&test, "made.with").await, Ok(()));
    assert_eq!(call(&test, "made.without").await, Ok(()));
    assert_eq!((docker.started(), test.engine.started()), (1, 2));

    // To switch a tool off and on is no decision about where it runs; a new definition is.
    for enabled in [false, true] {
        let changed = test
            .app
            .catalog
            .set_enabled(Actor::Local, "made.without", enabled, Expected::Any)
            .await;
        assert_eq!(changed.unwrap().engine_resolved, Embedded);
    }
    let patch = serde_json::from_value(json!({ "description": "Anew." })).unwrap();
    let updated = test.app.catalog.update(Actor::Local, "made.without", patch, Expected::Any).await;
    assert_eq!(updated.unwrap().engine_resolved, Docker);
}

#[tokio::test]
async fn a_tool_whose_engine_is_not_built_in_is_kept() {
    let test = TestApp::new();
    assert_eq!(made(&test, "needs.docker", json!({ "engine": "docker" })).await, Docker);
    assert_eq!(call(&test, "needs.docker").await, Err(ErrorCode::EngineUnavailable));
    assert_eq!(test.engine.started(), 0);
}
