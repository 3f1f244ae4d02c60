//! What is told of interactive sandboxes: each use with its session, and nothing of what was run.

use dynamic_mcp::domain::{AuditCategory, AuditEvent, AuditOutcome, ErrorCode};
use serde_json::{Value, json};

use crate::app::sandboxes::Place;
use crate::support::app::TestApp;
use crate::support::client::Served;

/// The one event, of a session.
fn only(served: &Served, action: &str) -> AuditEvent {
    let mut events = served.test.audit.take();
    let event = events.pop().unwrap();
    assert!(events.is_empty(), "{events:?} and {event:?}");
    assert_eq!((event.category, event.action), (AuditCategory::Session, action));
    assert!(!format!("{event:?}").contains("00012345"), "{event:?}");
    event
}

#[tokio::test(start_paused = true)]
async fn each_use_of_a_sandbox_is_told_with_its_session() {
    let place = Place::new(1);
    let mut test = TestApp::new();
    test.app.sandboxes = Some(place.sandboxes.clone());
    let mut served = Served::enterprise(test).await;
    let made = served.client.call("sandbox.initialize", json!({})).await;
    let id = made["structuredContent"]["sessionId"].as_str().unwrap().to_owned();
    let event = only(&served, "sandbox.initialize");
    assert_eq!((event.outcome, event.session.as_deref()), (AuditOutcome::Ok, Some(&*id)));
    served.client.call("sandbox.initialize", json!({})).await;
    let event = only(&served, "sandbox.initialize");
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::LimitReached)));

    let with = |over: Value| {
        let mut arguments = json!({ "sessionId": id });
        arguments.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        arguments
    };
    for (tool, arguments) in [
        ("sandbox.exec", with(json!({ "commands": ["00012345"] }))),
        ("sandbox.stop", with(json!({}))),
    ] {
        let done = served.client.call(tool, arguments).await;
        assert_eq!(done["isError"], false, "{tool}: {done}");
        let event = only(&served, tool);
        assert_eq!((event.outcome, event.session.as_deref()), (AuditOutcome::Ok, Some(&*id)));
    }
    served.client.call("sandbox.exec", with(json!({ "commands": ["00012345"] }))).await;
    let event = only(&served, "sandbox.exec");
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::NotFound)));
    assert_eq!(event.session.as_deref(), Some(&*id));
    served.client.call("sandbox.session.list", json!({})).await;
    assert_eq!(only(&served, "sandbox.session.list").outcome, AuditOutcome::Ok);
}
