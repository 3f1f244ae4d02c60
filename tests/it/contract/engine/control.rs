//! How a call is kept apart, watched and ended.

use std::collections::HashSet;
use std::sync::Arc;

use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::ports::{EngineError, Strength};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Bench, ample, job};
use crate::support::wait::until;

pub(super) async fn code_is_checked_without_being_run(bench: &Bench) {
    for fine in [
        "",
        "return 1",
        "for (;;);",
        "throw new Error('not now')",
        "await null; return arguments.length + new.target",
        "\"use strict\"; return this === undefined",
        "var args = 1; return args // the end",
        "if (args) { return `${ctx}` } else { return /}/.test('}') }",
        "return {a: 1}\n/* }); evil(); ( */",
        "<!-- a comment\n--> another\nreturn 1",
        "with (args) { return x }",
    ] {
        assert_eq!(bench.engine.check(fine).await.unwrap(), Ok(()), "{fine}");
    }
    for wrong in
        ["return", "break", "let args = 1", "import x from 'y'", "\u{0}", "super.x", "}", "{"]
            .into_iter()
            .skip(1)
    {
        assert!(bench.engine.check(wrong).await.unwrap().is_err(), "{wrong}");
    }
    assert!(bench.host.logs().is_empty());
}

pub(super) async fn a_cancelled_call_ends(bench: &Bench) {
    for code in ["ctx.log('info', 'on'); for (;;);", "ctx.log('info', 'on'); await ctx.input({})"] {
        let cancel = CancellationToken::new();
        let host = Arc::new(crate::support::host::RecordingHost::hanging());
        let run = bench.engine.run(job(code, "{}", ample()), host.clone(), cancel.clone());
        let cancelling = async {
            until(async || !host.logs().is_empty()).await;
            cancel.cancel();
        };
        let (completion, ()) = tokio::join!(run, cancelling);
        assert_eq!(completion.unwrap().outcome.unwrap_err().code, ErrorCode::Cancelled, "{code}");
    }
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let run = bench.engine.run(job("return 1", "{}", ample()), bench.host.clone(), cancelled);
    assert_eq!(run.await.unwrap().outcome.unwrap_err().code, ErrorCode::Cancelled);
}

pub(super) async fn an_abandoned_call_ends(bench: &Bench) {
    let code = "ctx.log('info', 'on'); for (;;);";
    let run =
        bench.engine.run(job(code, "{}", ample()), bench.host.clone(), CancellationToken::new());
    let begun = until(async || !bench.host.logs().is_empty());
    tokio::select! {
        ended = run => panic!("{ended:?}"),
        () = begun => {}
    }
    assert_eq!(bench.value("return 1").await, 1);
}

pub(super) async fn calls_do_not_see_each_other(bench: &Bench) {
    let first = "globalThis.left = 1; Object.prototype.left = 2; Array.prototype.push = 3; \
                 JSON.stringify = () => 'forged'; return 1";
    assert_eq!(bench.value(first).await, 1);
    for _ in 0..3 {
        let then = "return [typeof left, typeof ({}).left, typeof [].push, JSON.stringify({})]";
        assert_eq!(bench.value(then).await, json!(["undefined", "undefined", "function", "{}"]));
    }
}

pub(super) async fn randomness_never_repeats(bench: &Bench) {
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let drawn = bench.value("return [Math.random(), Math.random()]").await;
        for number in drawn.as_array().unwrap() {
            assert!((0.0..1.0).contains(&number.as_f64().unwrap()));
            assert!(seen.insert(number.to_string()), "{number} came twice");
        }
    }
}

pub(super) async fn there_is_nothing_of_the_host(bench: &Bench) {
    let names = "return ['std', 'Deno', 'Bun', 'host', 'native', 'print', 'scriptArgs', '__host', 'core', 'hooks', \
                 'seal'].filter((name) => name in globalThis)";
    assert_eq!(bench.value(names).await, json!([]));
    for import in [
        "await import('/etc/passwd')",
        "await import('file:///etc/shadow')",
        "await import('./x.js')",
        "await import('https://example.com/x.js')",
    ] {
        let failure = bench.failure(import).await;
        assert_eq!(failure.code, ErrorCode::ToolError, "{failure:?}");
    }
}

/// Where the engine is no Node.js.
pub(super) async fn there_is_nothing_of_node(bench: &Bench) {
    let names =
        "return ['process', 'require', 'module', 'os'].filter((name) => name in globalThis)";
    assert_eq!(bench.value(names).await, json!([]));
    let failure = bench.failure("await import('node:fs')").await;
    assert_eq!(failure.code, ErrorCode::ToolError, "{failure:?}");
}

/// And where it is.
#[cfg(feature = "docker")]
pub(super) async fn there_is_node_and_nothing_of_the_server(bench: &Bench) {
    let (variable, folder) = ("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"));
    assert!(std::env::var_os(variable).is_some());
    let code = format!(
        "const fs = await import('node:fs'); \
         return [typeof require, '{variable}' in process.env, fs.existsSync('{folder}/Cargo.toml')]"
    );
    assert_eq!(bench.value(&code).await, json!(["function", false, false]));
}

pub(super) async fn many_calls_run_at_once(bench: &Bench) {
    let calls = (0..40).map(|n| {
        let job = job("await null; return args.n * 2", &json!({ "n": n }).to_string(), ample());
        bench.complete(job)
    });
    let completions = futures_util::future::join_all(calls).await;
    for (n, completion) in completions.into_iter().enumerate() {
        let expected = dynamic_mcp::domain::execution::Returned::Value((n * 2).to_string());
        assert_eq!(completion.outcome, Ok(expected));
    }
}

pub(super) async fn after_the_shutdown_nothing_runs(bench: &Bench) {
    assert_eq!(bench.value("return 1").await, 1);
    bench.engine.shutdown().await;
    let run = bench.engine.run(
        job("return 1", "{}", ample()),
        bench.host.clone(),
        CancellationToken::new(),
    );
    assert!(matches!(run.await, Err(EngineError::Unavailable { .. })));
    assert!(!bench.engine.report().ready);
}

pub(super) async fn the_report_names_the_layers(bench: &Bench) {
    bench.value("return 1").await;
    let report = bench.engine.report();
    assert!(report.ready);
    assert!(matches!(report.strength, Strength::Full | Strength::Degraded), "{report:?}");
    assert!(report.detail.contains("seccomp"), "{report:?}");
    assert!(!report.detail.contains('/'), "a path: {report:?}");
}
