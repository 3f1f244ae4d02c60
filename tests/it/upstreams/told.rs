//! What the audit log is told of attachments and of calls of mounted tools, and what it is not.

use dynamic_mcp::domain::{AuditCategory, AuditEvent, AuditOutcome, ErrorCode};
use serde_json::{Value, json};

use super::fake::FakeClient;
use super::site::{Options, Site};

/// The one event, with no secret in it.
fn only(site: &Site) -> AuditEvent {
    let mut events = site.served.test.audit.take();
    let event = events.pop().unwrap();
    assert!(events.is_empty(), "{events:?} and {event:?}");
    let line = event.clone().line(chrono::DateTime::UNIX_EPOCH, 20_000);
    assert!(!line.contains("hush") && !line.contains(super::site::TOKEN), "{line}");
    event
}

fn web(alias: &str) -> Value {
    let headers = json!({ "Authorization": "Bearer hush-hush" });
    json!({ "alias": alias, "transport": "http", "url": "https://x.example/mcp?key=hush", "headers": headers })
}

#[tokio::test]
async fn attachments_and_calls_of_what_they_bring_are_told() {
    let client = FakeClient::new(&["echo"]);
    let mut site = Site::with(Options { client: Some(client), ..Options::default() }).await;
    site.client().call("upstream.mcp.attach", web("up")).await;
    let event = only(&site);
    assert_eq!((event.category, event.action), (AuditCategory::Management, "upstream.mcp.attach"));
    assert_eq!((event.outcome, event.code), (AuditOutcome::Refused, Some(ErrorCode::Unauthorized)));

    site.attach(web("up")).await;
    let event = only(&site);
    assert_eq!((event.action, event.outcome), ("upstream.mcp.attach", AuditOutcome::Ok));
    assert_eq!(event.details["upstream"], "up");

    for name in ["up.echo", "up_echo"] {
        let called = site.client().call(name, json!({ "text": "hush" })).await;
        assert_eq!(called["isError"], false, "{called}");
        let event = only(&site);
        assert_eq!((event.category, event.action), (AuditCategory::Execution, "tool.call"));
        assert_eq!((event.outcome, event.tool.as_deref()), (AuditOutcome::Ok, Some("up.echo")));
        assert!(event.duration_ms.is_some());
    }

    site.detach("up").await;
    let event = only(&site);
    assert_eq!((event.action, event.outcome), ("upstream.mcp.detach", AuditOutcome::Ok));
    assert_eq!(event.details["upstream"], "up");
}
