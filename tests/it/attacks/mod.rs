//! What hostile code tries, and what comes of it: each row under the limits that ship, on each source of
//! workers, and after each the next call is served.

#[cfg(feature = "docker")]
mod containers;
mod outcomes;

use std::time::Duration;

use dynamic_mcp::adapters::outbound::engine::embedded::WorkerMode;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{Completion, Limits, Returned};

use crate::contract::engine::{Bench, Embedded, EngineHarness, ample, job};

/// What must come of an attack.
enum Outcome {
    /// It fails with this code.
    Fails(ErrorCode),
    /// It fails with either.
    Either(ErrorCode, ErrorCode),
    /// It fails with this message of the code's own.
    Says(&'static str),
    /// It returns this, having achieved nothing.
    Returns(&'static str),
}

use ErrorCode::{MemoryExceeded, NeverSettled, OutputTooLarge, Timeout, ToolError};
use Outcome::{Either, Fails, Returns, Says};

/// The attack's name, its code, and what must come of it.
const TABLE: &[(&str, &str, Outcome)] = &[
    (
        "baseline",
        "return {upper: String(args.text).toUpperCase()}",
        Returns(r#"{"upper":"HELLO"}"#),
    ),
    ("infinite loop", "while (true) {}", Fails(Timeout)),
    ("catch-all infinite loop", "for (;;) { try { for (;;) {} } catch {} }", Fails(Timeout)),
    (
        "microtask storm",
        "const f = () => { Promise.resolve().then(f); Promise.resolve().then(f) }; f(); await new Promise(() => {})",
        Either(MemoryExceeded, Timeout),
    ),
    (
        "memory bomb: heap",
        "const a = []; for (;;) a.push({x: new Array(100).fill(a.length)})",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb: 2 GB of buffers",
        "const a = []; for (let i = 0; i < 2000; i++) a.push(new Uint8Array(1 << 20).fill(1)); return a.length + 'MB'",
        Fails(MemoryExceeded),
    ),
    ("memory bomb: one buffer", "return new ArrayBuffer(2e9).byteLength", Fails(MemoryExceeded)),
    ("string doubling", "let s = 'x'; for (;;) s += s", Fails(MemoryExceeded)),
    (
        "string doubling, read back",
        "let s = 'x'; for (;;) { s += s; s.charCodeAt(s.length - 1) }",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb in a promise job",
        "await null; const a = []; for (;;) a.push('y'.repeat(1e6) + a.length)",
        Fails(MemoryExceeded),
    ),
    (
        "fork bomb",
        "const {spawn} = await import('node:child_process'); for (let i = 0; i < 400; i++) spawn('sleep', ['60'])",
        Fails(ToolError),
    ),
    (
        "flood of logs",
        "for (let i = 0; i < 1e5; i++) ctx.log('info', 'x'.repeat(1000)); return 1",
        Returns("1"),
    ),
    (
        "forged result in a log line",
        "ctx.log('info', '__RESULT__{\"ok\":true,\"result\":\"FORGED\"}'); throw new Error('real')",
        Says("real"),
    ),
    (
        "marker in a log line",
        "ctx.log('error', 'D\\u0000\\u0000\\u0000\"FORGED\"'); return 'real'",
        Returns(r#""real""#),
    ),
    (
        "forged frame",
        "return [typeof std, typeof os, typeof process, typeof require, typeof Deno].join()",
        Returns(r#""undefined,undefined,undefined,undefined,undefined""#),
    ),
    (
        "JSON.stringify hijack",
        "JSON.stringify = () => '{\"ok\":true}'; throw new Error('real failure')",
        Says("real failure"),
    ),
    (
        "JSON.stringify hijack of a value",
        "JSON.stringify = () => '\"FORGED\"'; return 'real'",
        Returns(r#""real""#),
    ),
    (
        "Object.prototype.toJSON pollution",
        "Object.prototype.toJSON = () => 'FORGED'; throw new Error('real failure')",
        Says("real failure"),
    ),
    (
        "Error.prototype pollution",
        "Object.defineProperty(Error.prototype, 'stack', {get() { return 'FORGED' }}); throw new Error('real failure')",
        Says("real failure"),
    ),
    (
        "primordials overridden",
        "Promise.prototype.then = Reflect.apply = Object.freeze = () => { throw 'FORGED' }; Array.prototype[Symbol.iterator] = null; return [1]",
        Returns("[1]"),
    ),
    ("huge result", "return 'x'.repeat(20e6)", Fails(OutputTooLarge)),
    ("deep recursion", "const f = (n) => f(n + 1) + 1; return f(0)", Fails(ToolError)),
    (
        "deep JSON result",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a",
        Fails(ToolError),
    ),
    ("result getter hangs", "return {get x() { for (;;) {} }}", Fails(Timeout)),
    ("toJSON hangs", "return {toJSON() { for (;;) {} }}", Fails(Timeout)),
    (
        "error getter hangs",
        "throw Object.defineProperty(new Error(), 'message', {get() { for (;;) {} }})",
        Fails(Timeout),
    ),
    ("process.exit", "process.exit(0)", Fails(ToolError)),
    ("never-resolving promise", "await new Promise(() => {})", Fails(NeverSettled)),
    ("SIGKILL to itself", "process.kill(process.pid, 'SIGKILL')", Fails(ToolError)),
    ("abort", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", Fails(ToolError)),
    (
        "unhandled rejection",
        "Promise.reject(new Error('boom')); await null; return 'survived'",
        Says("boom"),
    ),
    ("ReDoS", "return /^(a+)+$/.test('a'.repeat(50) + '!')", Fails(Timeout)),
    ("ReDoS by backtracking", "return /(x+x+)+y/.test('x'.repeat(60))", Fails(Timeout)),
    (
        "native loop",
        "return Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)",
        Fails(Timeout),
    ),
    (
        "native loop: fill",
        "return Array.prototype.fill.call({length: 2 ** 53 - 1, set 0(v) {}}, 1)",
        Either(Timeout, MemoryExceeded),
    ),
    ("BigInt bomb", "let x = 3n; for (;;) x = x * x", Either(MemoryExceeded, Timeout)),
    ("BigInt power", "return (2n ** 1000000n ** 2n).toString()", Either(MemoryExceeded, Timeout)),
    (
        "sort comparator churn",
        "const a = Array.from({length: 1e5}, (_, i) => i); for (;;) a.sort(() => Math.random() - 0.5)",
        Fails(Timeout),
    ),
    (
        "environment",
        "return [typeof process, typeof globalThis.process?.env, Object.keys(globalThis).filter((k) => /env|argv|path/i.test(k)).length]",
        Returns(r#"["undefined","undefined",0]"#),
    ),
    ("host files", "return await import('/etc/passwd')", Fails(ToolError)),
    (
        "host files by eval",
        "return await (0, eval)(\"import('file:///etc/shadow')\")",
        Fails(ToolError),
    ),
    (
        "write a host file",
        "return typeof std + typeof os + typeof globalThis.Deno",
        Returns(r#""undefinedundefinedundefined""#),
    ),
    (
        "docker socket",
        "const net = await import('node:net'); net.connect('/var/run/docker.sock')",
        Fails(ToolError),
    ),
    ("wrapper break-out", "}); globalThis.evil = 1; (async () => {", Fails(ToolError)),
    ("wrapper break-out by eval", "return eval('}); evil(); (() => {')", Fails(ToolError)),
    (
        "timers for ever after a return",
        "setInterval(() => {}, 1); setTimeout(() => { for (;;) {} }, 1e6); return 'done'",
        Returns(r#""done""#),
    ),
    (
        "long timer",
        "await new Promise((done) => setTimeout(done, 60_000)); return 1",
        Fails(Timeout),
    ),
    (
        "endless timer",
        "const again = () => setTimeout(again, 0); again(); await new Promise(() => {})",
        Fails(Timeout),
    ),
    (
        "a timer that throws",
        "setTimeout(() => { throw new Error('late') }, 1); await new Promise(() => {})",
        Says("late"),
    ),
    (
        "flood of the console",
        "for (let i = 0; i < 1e5; i++) console.log('x'.repeat(1000)); return 1",
        Returns("1"),
    ),
    (
        "network",
        "try { return await fetch('http://127.0.0.1:8788/') } catch (error) { return error.code }",
        Returns(r#""permission_denied""#),
    ),
    ("eval", "return eval('2 + 2') + new Function('return 1')()", Returns("5")),
    (
        "constructor chain",
        "return (async () => {}).constructor('return typeof host + typeof native')()",
        Returns(r#""undefinedundefined""#),
    ),
];

async fn attack(bench: &Bench, name: &str, code: &str, expected: &Outcome) {
    // Little time only where running out of it is the point.
    let runs_out = matches!(expected, Fails(Timeout) | Either(..));
    let limits =
        if runs_out { Limits { timeout: Duration::from_secs(2), ..ample() } } else { ample() };
    let args = r#"{"text":"hello"}"#;
    let Completion { outcome, .. } = bench.complete(job(code, args, limits)).await;
    let as_expected = match (expected, &outcome) {
        (Fails(code), Err(failure)) => failure.code == *code,
        (Either(one, other), Err(failure)) => failure.code == *one || failure.code == *other,
        (Says(message), Err(failure)) => failure.code == ToolError && failure.message == *message,
        (Returns(json), Ok(Returned::Value(value))) => value == json,
        _ => false,
    };
    assert!(as_expected, "{name}: {outcome:?}");
    let next = bench.run("return [typeof evil, 'next']", "{}").await;
    assert_eq!(next, Ok(Returned::Value(r#"["undefined","next"]"#.to_owned())), "after {name}");
}

async fn every_attack(harness: &dyn EngineHarness, own: &[(&str, &str, Outcome)]) {
    let bench = Bench::new(harness).await;
    let common = TABLE.iter().filter(|(name, ..)| own.iter().all(|(other, ..)| name != other));
    for (name, code, expected) in common.chain(own) {
        attack(&bench, name, code, expected).await;
    }
    let big = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    let outcome = bench.run("return args.text.length", &big).await;
    assert_eq!(outcome, Ok(Returned::Value("300000".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forked_workers_withstand_every_attack() {
    every_attack(&Embedded(WorkerMode::ForkServer), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_workers_withstand_every_attack() {
    every_attack(&Embedded(WorkerMode::ExecPool), &[]).await;
}
