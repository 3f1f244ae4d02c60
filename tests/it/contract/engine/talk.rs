//! What code tells the host and asks of it.

use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{HostRequestKind, LogEntry, Progress};
use dynamic_mcp::domain::log_level::LogLevel;
use serde_json::json;

use super::Bench;

pub(super) async fn logs_arrive_in_order_with_their_level(bench: &Bench) {
    let code = "ctx.log('debug', 'first'); ctx.log('emergency', {n: 1n}); ctx.log('warning', null);\n\
                try { ctx.log('loud', 'x') } catch (e) { return e.message }";
    let refused = bench.value(code).await;
    assert!(refused.as_str().unwrap().contains("emergency"), "{refused}");
    let entry = |level, data| LogEntry { level, data };
    assert_eq!(
        bench.host.logs(),
        [
            entry(LogLevel::Debug, json!("first")),
            entry(LogLevel::Emergency, json!({"n": "1"})),
            entry(LogLevel::Warning, json!(null)),
        ]
    );
}

pub(super) async fn progress_only_grows(bench: &Bench) {
    bench
        .value("ctx.progress(1, 4, 'one'); ctx.progress(1); ctx.progress(0); ctx.progress(2.5)")
        .await;
    let progress = |done, total, message: Option<&str>| Progress {
        done,
        total,
        message: message.map(str::to_owned),
    };
    assert_eq!(
        bench.host.progress(),
        [progress(1.0, Some(4.0), Some("one")), progress(2.5, None, None)]
    );
    for wrong in ["ctx.progress('1')", "ctx.progress(NaN)", "ctx.progress(Infinity)"] {
        let failure = bench.failure(wrong).await;
        assert_eq!(failure.message, "TypeError: ctx.progress: done is a finite number", "{wrong}");
    }
}

/// Whatever code says by its rights is no forgery.
pub(super) async fn what_is_odd_or_large_is_still_said(bench: &Bench) {
    let code = "ctx.progress(1, Infinity, 'half \\ud800'); ctx.progress(2, 3, 'x'.repeat(1e7));\n\
                const answer = await ctx.tools.call('t\\ud800', {'k\\udc00': '\\ud83d\\ude00'});\n\
                try { await ctx.tools.call('t', 'x'.repeat(5e6)) } catch (e) { return [answer, e.message] }";
    let value = bench.value(code).await;
    let echo = json!({"echo": {"name": "t\u{fffd}", "args": {"k\u{fffd}": "\u{1f600}"}}});
    assert_eq!(value, json!([echo, "the request to the host is over 4 MiB"]));
    let progress = bench.host.progress();
    assert_eq!(progress[0].message.as_deref(), Some("half \u{fffd}"));
    assert_eq!((progress[0].total, progress[1].total), (None, Some(3.0)));
    assert_eq!(progress[1].message, Some("x".repeat(1000)));
}

pub(super) async fn a_request_is_answered(bench: &Bench) {
    let answer = bench.value("return await ctx.tools.call('text.other', {a: [1]})").await;
    assert_eq!(answer, json!({"echo": {"name": "text.other", "args": {"a": [1]}}}));
    assert_eq!(bench.host.requests().first().unwrap().kind, HostRequestKind::ToolCall);
}

pub(super) async fn a_refusal_can_be_caught_and_is_named_where_it_is_not(bench: &Bench) {
    for call in [
        "ctx.secret('KEY')",
        "ctx.tools.list()",
        "ctx.input({q: {}})",
        "fetch('https://example.com/')",
        "fetch(new Request('http://127.0.0.1/', {method: 'POST', body: 'x'}))",
    ] {
        let code =
            format!("try {{ await {call} }} catch (e) {{ return [e instanceof Error, e.code] }}");
        assert_eq!(bench.value(&code).await, json!([true, "permission_denied"]), "{call}");
        let failure = bench.failure(&format!("await {call}")).await;
        assert_eq!(failure.code, ErrorCode::PermissionDenied, "{call}");
        assert_eq!(failure.message, "this host grants nothing of the kind");
    }
    // An error of the code's own is the tool's, whatever it calls itself.
    let forged = "throw Object.assign(new Error('mine'), {code: 'permission_denied'})";
    assert_eq!(bench.failure(forged).await.code, ErrorCode::ToolError);
}

pub(super) async fn requests_overlap(bench: &Bench) {
    let code = "const all = await Promise.all([1, 2, 3].map((n) => ctx.tools.call('t', n)));\n\
                return all.map((answer) => answer.echo.args)";
    assert_eq!(bench.value(code).await, json!([1, 2, 3]));
    // Nobody waits for the answer.
    assert_eq!(bench.value("ctx.tools.call('t', 1); return 2").await, 2);
}
