//! What a call may use, and what happens beyond.

use std::time::Duration;

use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::Limits;
use serde_json::json;

use super::{Bench, ample, brief, job};

pub(super) async fn time_runs_out(bench: &Bench) {
    for code in [
        "for (;;);",
        "for (;;) { try { for (;;); } catch {} finally { continue } }",
        "return {get x() { for (;;); }}",
        "return {toJSON() { for (;;); }}",
        "throw {toJSON() { for (;;); }}",
        "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
        "return Array(2 ** 32 - 1).indexOf(1)",
        "return new Proxy({}, {ownKeys() { for (;;); }})",
    ] {
        assert_eq!(bench.code_within(brief(), code).await, ErrorCode::Timeout, "{code}");
    }
}

pub(super) async fn a_storm_of_microtasks_ends(bench: &Bench) {
    for code in [
        "const f = () => Promise.resolve().then(f); await f()",
        "const f = () => { queueMicrotask(f); queueMicrotask(f) }; f()",
        "const f = async () => { for (;;) await null }; await f()",
    ] {
        let code = bench.code_within(brief(), code).await;
        assert!(matches!(code, ErrorCode::Timeout | ErrorCode::MemoryExceeded), "{code}");
    }
}

pub(super) async fn memory_runs_out(bench: &Bench) {
    for code in [
        "const a = []; for (;;) a.push(new Array(1000).fill({}))",
        "let s = 'x'; for (;;) s += s",
        "const a = []; for (;;) a.push(new Uint8Array(8 << 20))",
        "return new ArrayBuffer(2 ** 30)",
        "return new ArrayBuffer(2 ** 31)",
        "return 'x'.repeat(2 ** 29)",
        "const m = new Map(); for (let i = 0;; i++) m.set(i, {i})",
        "let n = 2n; for (;;) n *= n",
        "await null; const a = []; for (;;) a.push('x'.repeat(1 << 20) + a.length)",
    ] {
        assert_eq!(bench.code_within(ample(), code).await, ErrorCode::MemoryExceeded, "{code}");
    }
    // A hundred megabytes: too much for the memory of one engine, and for the result of another.
    let large = format!("return JSON.stringify(Array(2e6).fill('{}'))", "x".repeat(52));
    let large = bench.code_within(ample(), &large).await;
    assert!(matches!(large, ErrorCode::MemoryExceeded | ErrorCode::OutputTooLarge), "{large:?}");
    let survived = "let n = 0; try { new ArrayBuffer(2 ** 30) } catch { n = 1 } return n";
    assert_eq!(bench.value(survived).await, 1);
}

pub(super) async fn the_stack_runs_out(bench: &Bench) {
    for code in [
        "const f = () => f() + 1; return f()",
        "let a = {}; for (let i = 0; i < 1e5; i++) a = {a}; return a",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)",
        "return JSON.parse('['.repeat(1e6))",
        "return eval('('.repeat(1e6))",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x",
        "return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('x')",
    ] {
        assert_eq!(bench.code_within(ample(), code).await, ErrorCode::ToolError, "{code}");
    }
    let nested =
        |levels: usize| format!("let a = 1; for (let i = 0; i < {levels}; i++) a = [a]; return a");
    assert!(bench.run(&nested(100), "{}").await.is_ok());
    let failure = bench.failure(&nested(101)).await;
    assert_eq!(failure.code, ErrorCode::ToolError);
    assert!(failure.message.contains("100 levels"), "{failure:?}");
    let brackets = format!("return {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(bench.failure(&brackets).await.code, ErrorCode::ToolError);
    assert!(bench.engine.check(&brackets).await.unwrap().is_err());
}

pub(super) async fn output_is_not_cut(bench: &Bench) {
    let limits = Limits { output_bytes: 1_000, ..ample() };
    for fits in ["return 'x'.repeat(998)", "return 'é'.repeat(499)"] {
        assert!(bench.complete(job(fits, "{}", limits)).await.outcome.is_ok(), "{fits}");
    }
    for (code, bytes) in [
        ("return 'x'.repeat(999)", 1_001),
        ("return 'é'.repeat(500)", 1_002),
        ("return 'x'.repeat(20e6)", 20_000_002),
        ("return ctx.result({content: [], _meta: {a: 'x'.repeat(2000)}})", 2_031),
    ] {
        let failure = bench.complete(job(code, "{}", limits)).await.outcome.unwrap_err();
        assert_eq!(failure.code, ErrorCode::OutputTooLarge, "{code}");
        assert_eq!(failure.details, Some(json!({"bytes": bytes, "limit": 1_000})), "{code}");
    }
}

pub(super) async fn logs_are_cut_and_counted(bench: &Bench) {
    let limits = Limits { log_bytes: 10, ..ample() };
    let code = "ctx.log('info', 'ééé'); ctx.log('info', 'ééé'); ctx.log('info', 'more'); return 1";
    let completion = bench.complete(job(code, "{}", limits)).await;
    assert!(completion.outcome.is_ok());
    let logged: Vec<_> = bench.host.logs().into_iter().map(|entry| entry.data).collect();
    // Seven bytes with its end, then as many whole characters as three bytes hold beside theirs.
    assert_eq!(logged, [json!("ééé"), json!("é")]);
    assert_eq!(completion.logs.bytes, 8);
    assert_eq!(completion.logs.dropped_bytes, 5 + 5);

    let flood = "const line = 'x'.repeat(1000); for (let i = 0; i < 1e5; i++) ctx.log('info', line); return 1";
    let completion = bench.complete(job(flood, "{}", ample())).await;
    assert!(completion.outcome.is_ok());
    assert!(completion.logs.bytes <= 65_536);
    assert!(completion.logs.dropped_bytes > 99_000_000, "{:?}", completion.logs);
    let empty = "for (let i = 0; i < 2e5; i++) ctx.log('info', ''); return 1";
    let before = bench.host.logs().len();
    assert!(bench.complete(job(empty, "{}", ample())).await.outcome.is_ok());
    assert!(bench.host.logs().len() - before <= 65_536);
}

pub(super) async fn requests_are_counted(bench: &Bench) {
    let limits = Limits { host_calls: 3, timeout: Duration::from_secs(30), ..Limits::default() };
    let code = "for (let i = 0; i < 3; i++) await ctx.tools.call('t', {i});\n\
                for (let i = 0; i < 9; i++) ctx.progress(i);\n\
                try { await ctx.tools.call('t', {}) } catch (e) { return [e.code, e.message] }";
    let completion = bench.complete(job(code, "{}", limits)).await;
    let Ok(dynamic_mcp::domain::execution::Returned::Value(json)) = completion.outcome else {
        panic!("{completion:?}")
    };
    assert!(json.starts_with(r#"["limit_reached","#), "{json}");
    assert_eq!(bench.host.requests().len(), 3);
    assert_eq!(bench.host.progress().len(), 3);
}
