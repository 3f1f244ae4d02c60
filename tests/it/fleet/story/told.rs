//! What measurements, audit logs and traces have to tell of the story. The first replica is `0`.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use super::{CALLED, CALLER, CREATED, REFUSED, Story};
use crate::support::collector::{Collector, hex, text};
use crate::support::replica::Replica;

/// The status of a span that failed.
const FAILED: i32 = 2;

pub(super) async fn by_measurements(story: &Story, n: usize, replica: &Replica) {
    let count = async |name: &str, labels: &[&str]| {
        // A whole number; the sum of nothing is a negative zero.
        replica.metric(name, labels).await.abs().to_string().parse::<usize>().unwrap()
    };
    let calls = "dynamic_mcp_call_duration_seconds_count";
    let tool = "tool=\"story.tool\"";
    assert_eq!(count(calls, &[tool]).await, story.calls[n]);
    assert_eq!(
        count(calls, &[tool, "engine=\"embedded\"", "outcome=\"ok\""]).await,
        story.calls[n]
    );
    assert_eq!(count("dynamic_mcp_rejections_total", &[]).await, 0);

    let store = "dynamic_mcp_store_duration_seconds_count";
    let insert = "operation=\"insert\"";
    assert_eq!(count(store, &[insert, "outcome=\"ok\""]).await, story.made[n]);
    assert_eq!(count(store, &[insert, "outcome=\"error\""]).await, story.refused[n]);
    assert_eq!(count("dynamic_mcp_store_available", &[]).await, 1);
    let connects = replica.metric("dynamic_mcp_store_connects_total", &[]).await;
    assert!(connects > story.connects[n], "{connects} after {}", story.connects[n]);
    // Both have told of the three tools, wherever they were made, and not of the database's return; a burst counts once.
    assert!((1..=3).contains(&count("dynamic_mcp_list_changes_total", &[]).await));

    assert_eq!(count("dynamic_mcp_http_auth_denied_total", &[]).await, n, "at the second one");
    let accepted = count("dynamic_mcp_http_auth_success_total", &[]).await;
    assert!(accepted > story.calls[n] + story.made[n] + story.refused[n], "{accepted}");
    assert_eq!(count("dynamic_mcp_audit_events_total", &["outcome=\"lost\""]).await, 0);
}

pub(super) fn by_audit(story: &Story, n: usize, log: &str) {
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Those that have all of these members.
    let count = |wanted: &Value| {
        let wanted = wanted.as_object().unwrap();
        let fits = |event: &&Value| wanted.iter().all(|(key, value)| event[key] == *value);
        events.iter().filter(fits).count()
    };
    let call = json!({
        "category": "execution", "action": "tool.call", "outcome": "ok", "subject": "bob", "client": "agent",
        "tool": "story.tool", "revision": 1, "digest": story.digest, "engine": "embedded",
    });
    assert_eq!(count(&call), story.calls[n]);
    assert_eq!(count(&json!({ "action": "tool.call" })), story.calls[n], "and no other call");

    let create = "dynamic.tool.create";
    let made = |tool: &str| {
        json!({
            "category": "management", "action": create, "outcome": "ok", "subject": "alice",
            "client": "agent", "tool": tool, "revision": 1,
        })
    };
    let own = [["story.tool", "after.n0"].as_slice(), &["after.n1"]][n];
    for tool in own {
        assert_eq!(count(&made(tool)), 1, "{tool}");
    }
    assert_eq!(count(&json!({ "action": create, "outcome": "ok" })), own.len());
    let away = json!({ "action": create, "subject": "alice", "code": "store_unavailable" });
    assert_eq!(count(&away), story.refused[n]);
    assert_eq!(count(&json!({ "tool": "lost.tool" })), 1 - n);
    let forbidden = json!({
        "action": create, "outcome": "refused", "subject": "bob", "code": "unauthorized",
        "tool": "bobs.tool",
    });
    assert_eq!(count(&forbidden), 1 - n);
    // Each has shown a token; the one without any came to the second replica.
    for subject in ["alice", "bob"] {
        let shown = json!({ "action": "authenticate", "outcome": "ok", "subject": subject });
        assert_eq!(count(&shown), 1, "{subject}");
    }
    assert_eq!(count(&json!({ "action": "authenticate", "outcome": "refused" })), n);
    assert_eq!(count(&json!({ "category": "audit" })), 0, "no gap");
}

pub(super) fn by_traces(collector: &Collector) {
    let told = collector.told();
    // A trace's spans, and the one instance that they all came from.
    let trace = |id: &str| {
        let of_it = told.iter().filter(|(_, span)| hex(&span.trace_id) == id);
        let (mut from, spans): (Vec<_>, Vec<_>) = of_it.cloned().unzip();
        from.dedup();
        let [from] = <[String; 1]>::try_from(from).unwrap();
        (from, spans)
    };
    let (a, created) = trace(CREATED);
    let create = message(&created, "tools/call dynamic.tool.create");
    let insert = below(&created, create, "store insert");
    assert_eq!(failure(create), None);
    assert_ne!(status(insert), FAILED);

    let (b, called) = trace(CALLED);
    assert_ne!(a, b, "made at one, called at the other");
    let call = message(&called, "tools/call story.tool");
    below(&called, call, "guard");
    below(&called, call, "sandbox embedded");
    assert_eq!(failure(call), None);

    let (from, refused) = trace(REFUSED);
    assert_eq!(from, a);
    let create = message(&refused, "tools/call dynamic.tool.create");
    assert_eq!(failure(create).as_deref(), Some("store_unavailable"));
    assert_eq!(status(below(&refused, create, "store insert")), FAILED);
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {names:?}"))
}

/// The message that the caller's HTTP request carried.
fn message<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let http = named(spans, "POST /mcp");
    assert_eq!(hex(&http.parent_span_id), CALLER);
    below(spans, http, name)
}

/// The span of this name that is below another, however far.
fn below<'a>(spans: &'a [Span], above: &Span, name: &str) -> &'a Span {
    let found = named(spans, name);
    let mut at = found;
    while at.parent_span_id != above.span_id {
        let parent = spans.iter().find(|span| span.span_id == at.parent_span_id);
        at = parent.unwrap_or_else(|| panic!("{name} is not below {}", above.name));
    }
    found
}

fn status(span: &Span) -> i32 {
    span.status.as_ref().map_or(0, |status| status.code)
}

fn failure(span: &Span) -> Option<String> {
    (status(span) == FAILED).then(|| text(&span.attributes, "error.type").unwrap())
}
