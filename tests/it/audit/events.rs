//! What is told: changes and their refusals, calls and theirs, and nothing of what was in them.

use dynamic_mcp::domain::{
    AccessPolicy, AuditCategory, AuditEvent, AuditOutcome, ErrorCode, GuardLimits,
};
use serde_json::json;

use crate::support::app::{Setup, TestApp};
use crate::support::client::{LATEST_SESSION, Served};

async fn serve(setup: Setup) -> Served {
    let mut served = Served::new(TestApp::with(setup));
    served.client.initialize(LATEST_SESSION).await;
    served
}

/// The one event, with nothing of these in it.
fn only(served: &Served, hidden: &[&str]) -> AuditEvent {
    let mut events = served.test.audit.take();
    let event = events.pop().unwrap();
    assert!(events.is_empty(), "{events:?} and {event:?}");
    let line = event.clone().line(chrono::DateTime::UNIX_EPOCH, 20_000);
    for hidden in hidden {
        assert!(!line.contains(hidden), "{line}");
    }
    event
}

#[tokio::test]
async fn each_change_is_told_with_what_it_made() {
    let mut served = serve(Setup::default()).await;
    let made = served.client.create("text.echo", "return 's3cret-code'").await;
    let event = only(&served, &["s3cret"]);
    assert_eq!(event.category, AuditCategory::Management);
    assert_eq!((event.action, event.outcome), ("dynamic.tool.create", AuditOutcome::Ok));
    assert_eq!((event.tool.as_deref(), event.revision), (Some("text.echo"), Some(1)));
    assert_eq!(event.digest.as_deref(), made["digest"].as_str());
    assert!(event.digest.is_some());

    for (tool, arguments, revision) in [
        ("dynamic.tool.update", json!({ "name": "text.echo", "patch": { "title": "T" } }), Some(2)),
        ("dynamic.tool.enable", json!({ "name": "text.echo", "enabled": false }), Some(3)),
        ("dynamic.tool.delete", json!({ "name": "text.echo" }), None),
    ] {
        assert_eq!(served.client.call(tool, arguments).await["isError"], false, "{tool}");
        let event = only(&served, &[]);
        assert_eq!((event.action, event.outcome), (tool, AuditOutcome::Ok));
        assert_eq!((event.tool.as_deref(), event.revision), (Some("text.echo"), revision));
    }
}

#[tokio::test]
async fn refused_changes_are_told_too() {
    let access = AccessPolicy { admin_required: true, read_only: false };
    let mut served =
        serve(Setup { access, admin_token: Some("s3cret-right"), ..Setup::default() }).await;
    let tool = json!({ "name": "text.echo", "description": "d", "code": "echo" });
    let create = |token: &str| json!({ "tool": tool, "adminToken": token });
    served.client.call("dynamic.tool.create", create("s3cret-wrong")).await;
    let event = only(&served, &["s3cret"]);
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::Unauthorized)));
    assert_eq!(event.tool.as_deref(), Some("text.echo"));

    served.client.call("dynamic.tool.list", json!({})).await;
    let event = only(&served, &[]);
    assert_eq!((event.action, event.code), ("dynamic.tool.list", Some(ErrorCode::Unauthorized)));

    served.client.call("dynamic.tool.create", create("s3cret-right")).await;
    assert_eq!(only(&served, &["s3cret"]).outcome, AuditOutcome::Ok);
    served.client.call("dynamic.tool.create", create("s3cret-right")).await;
    assert_eq!(only(&served, &["s3cret"]).code, Some(ErrorCode::AlreadyExists));

    let stale = json!({ "name": "text.echo", "expectedRevision": 7, "adminToken": "s3cret-right" });
    served.client.call("dynamic.tool.delete", stale).await;
    assert_eq!(only(&served, &["s3cret"]).code, Some(ErrorCode::RevisionConflict));

    let list = json!({ "adminToken": "s3cret-right" });
    served.client.call("dynamic.tool.list", list).await;
    served.client.call("system.health", json!({})).await;
    assert_eq!(served.test.audit.take(), [], "nobody needs to know who looked");
}

#[tokio::test]
async fn each_call_is_told_with_what_ran_and_what_came_of_it() {
    let mut served = serve(Setup::default()).await;
    let made = served.client.create("text.echo", "echo").await;
    served.test.audit.take();
    let arguments = json!({ "password": "s3cret-argument" });
    for (called, arguments) in [
        ("text.echo", arguments.clone()),
        ("text_echo", arguments.clone()),
        ("dynamic.tool.call", json!({ "name": "text.echo", "arguments": arguments })),
    ] {
        let result = served.client.call(called, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let event = only(&served, &["s3cret"]);
        assert_eq!(event.category, AuditCategory::Execution);
        assert_eq!((event.action, event.outcome), ("tool.call", AuditOutcome::Ok));
        assert_eq!((event.tool.as_deref(), event.revision), (Some("text.echo"), Some(1)));
        assert_eq!(event.digest.as_deref(), made["digest"].as_str());
        assert!(event.engine.is_some() && event.duration_ms.is_some());
    }
    let job = json!({ "code": "echo", "args": { "x": "s3cret" } });
    served.client.call("run_js_ephemeral", job).await;
    let event = only(&served, &["s3cret"]);
    assert_eq!((event.action, event.tool), ("run_js_ephemeral", None));

    served.client.call("dynamic.tool.call", json!({ "name": "no.such.tool" })).await;
    let event = only(&served, &[]);
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::NotFound)));
    assert_eq!(event.tool.as_deref(), Some("no.such.tool"));
}

#[tokio::test]
async fn each_example_that_runs_is_told_like_a_call() {
    let test = TestApp::with(Setup { test_on_write: true, ..Setup::default() });
    let mut served = Served::enterprise(test).await;
    let examples = json!([{ "args": "s3cret-a", "result": "s3cret-a" }, { "args": "s3cret-b" }]);
    let tool =
        json!({ "name": "text.echo", "description": "d", "code": "echo", "examples": examples });
    let told = |served: &Served| {
        let events = served.test.audit.take().into_iter();
        let run = events.filter(|event| event.category == AuditCategory::Execution);
        let run: Vec<_> =
            run.inspect(|event| assert_eq!(event.action, "dynamic.tool.test")).collect();
        let text = format!("{run:?}");
        assert!(!text.contains("s3cret"), "{text}");
        run
    };
    let made = served.client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    assert_eq!(made["isError"], false, "{made}");
    let run = told(&served);
    assert_eq!(run.len(), 2, "before it was stored");
    assert_eq!((run[0].tool.as_deref(), run[0].revision), (Some("text.echo"), None));

    let testing = [json!({ "name": "text.echo" }), json!({ "tool": tool })];
    for (asked, revision) in testing.into_iter().zip([Some(1), None]) {
        let tested = served.client.call("dynamic.tool.test", asked).await;
        assert_eq!(tested["structuredContent"]["passed"], 2, "{tested}");
        let run = told(&served);
        assert_eq!(run.len(), 2);
        for event in &run {
            assert_eq!((event.outcome, event.revision), (AuditOutcome::Ok, revision));
            assert_eq!(event.tool.as_deref(), Some("text.echo"));
            assert!(event.engine.is_some() && event.duration_ms.is_some());
        }
    }
}

#[tokio::test]
async fn what_the_guard_refuses_is_told() {
    let guard = GuardLimits { max_concurrency: 0, ..GuardLimits::default() };
    let mut served = serve(Setup { guard, ..Setup::default() }).await;
    let tool = json!({ "name": "text.echo", "description": "d", "code": "echo" });
    served.client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    let event = only(&served, &[]);
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::TooBusy)));
    served.client.call("run_js_ephemeral", json!({ "code": "echo" })).await;
    let event = only(&served, &[]);
    assert_eq!(event.category, AuditCategory::Execution);
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::TooBusy)));
}

#[tokio::test]
async fn a_name_without_end_is_not_kept_whole() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let endless = "x".repeat(100_000);
    for (tool, arguments) in [
        ("sandbox.stop", json!({ "sessionId": endless })),
        ("dynamic.tool.delete", json!({ "name": endless })),
    ] {
        served.client.call(tool, arguments).await;
        let event = only(&served, &[]);
        assert_eq!(event.action, tool);
        assert!(format!("{event:?}").len() < 2_000, "{tool}");
    }
}
