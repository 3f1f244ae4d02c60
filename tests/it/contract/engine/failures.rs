//! How a call can fail by what its code does.

use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::Location;

use super::Bench;

pub(super) async fn a_thrown_error_says_what_and_where(bench: &Bench) {
    let failure = bench.failure("const a = 1\n  throw new TypeError('no ' + a)").await;
    assert_eq!(failure.code, ErrorCode::ToolError);
    assert_eq!(failure.message, "TypeError: no 1");
    assert_eq!(failure.location.map(|at| at.line), Some(2), "{failure:?}");
    let deep = "function inner() { return null.x }\nawait null\ninner()";
    let failure = bench.failure(deep).await;
    assert_eq!(failure.location.map(|at| at.line), Some(1), "{failure:?}");
    let plain = bench.failure("throw new Error('just this')").await;
    assert_eq!(plain.message, "just this");
}

pub(super) async fn anything_can_be_thrown(bench: &Bench) {
    for (code, message) in [
        ("throw 'text'", "text"),
        ("throw 7", "7"),
        ("throw null", "null"),
        ("throw undefined", "undefined"),
        ("throw {a: 1n}", r#"{"a":"1"}"#),
        ("throw Symbol('s')", "Symbol(s)"),
        ("return Promise.reject(new Error('late'))", "late"),
        ("throw Object.create(Error.prototype)", "Error"),
        ("const e = new Error('m'); e.name = ''; throw e", "m"),
        ("throw {toJSON() { throw 1 }}", "the tool threw a value that can't be described"),
        (
            "const e = new Error(); Object.defineProperty(e, 'message', {get() { throw 1 }}); throw e",
            "the tool threw a value that can't be described",
        ),
    ] {
        let failure = bench.failure(code).await;
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (ErrorCode::ToolError, message),
            "{code}"
        );
    }
}

pub(super) async fn syntax_errors_have_a_place(bench: &Bench) {
    for (code, line, column) in [
        ("return 1 +* 2", 1, 11),
        ("const a = 1;\nconst b = ;", 2, 11),
        ("if (true) {", 1, 12),
        ("return '\n'", 1, 8),
        ("const é = 'é' ;; return x y", 1, 27),
    ] {
        let failure = bench.failure(code).await;
        assert_eq!(failure.code, ErrorCode::ToolError, "{code}");
        assert!(failure.message.starts_with("SyntaxError: "), "{code}: {failure:?}");
        assert_eq!(failure.location, Some(Location { line, column }), "{code}: {failure:?}");
        let verdict = bench.engine.check(code).await.unwrap();
        assert_eq!(verdict.unwrap_err().location, Location { line, column }, "{code}");
    }
}

/// Bodies that close the function around them, for the ways in which an engine may wrap them.
pub(super) const BREAKOUTS: [&str; 12] = [
    "}); globalThis.evil = 1; (async () => {",
    "}); globalThis.evil = 1; (async function () {",
    "}, globalThis.evil = 1, function () {",
    "}(globalThis.evil = 1), function () {",
    "} : (globalThis.evil = 1)}); (function () { 0 ? async () => {",
    "} : (globalThis.evil = 1); 0 ? async () => {",
    "} : 0}); globalThis.evil = 1; (function () { 0 ? async (args, ctx) => {",
    "}\nglobalThis.evil = 1;\nasync function x() {",
    "}\n/1/; globalThis.evil = 1; async function x() {",
    "} /1/(globalThis.evil = 1), function () {",
    "}}); globalThis.evil = 1; (function () {{",
    "`${'}); globalThis.evil = 1; (() => {'}`}); (() => {",
];

pub(super) async fn a_body_cannot_close_its_function(bench: &Bench) {
    for code in BREAKOUTS {
        let failure = bench.failure(code).await;
        assert_eq!(failure.code, ErrorCode::ToolError, "{code}");
        assert!(failure.message.starts_with("SyntaxError: "), "{code}: {failure:?}");
        assert!(bench.engine.check(code).await.unwrap().is_err(), "{code}");
    }
}

/// Each parser has code that takes it the square of its length: one many names, another many names deep in blocks.
pub(super) async fn code_that_takes_too_long_to_parse_is_refused(bench: &Bench) {
    let names: Vec<String> = (0..30_000).map(|n| format!("n{n}")).collect();
    let inner: Vec<String> = (0..18_000).map(|n| format!("var _{n:x};")).collect();
    let inner = inner.concat();
    let deep = format!("{}{inner}{}", "{".repeat(5_000), "}".repeat(5_000));
    let mut said = vec![];
    for code in [format!("let {};", names.join(",")), deep] {
        said.extend(bench.engine.check(&code).await.unwrap().err().map(|error| error.message));
    }
    assert!(said.iter().any(|why| why == "it takes longer than 2 s to parse"), "{said:?}");
    assert_eq!(bench.value("return 1").await, 1);
}

/// An engine may remember what it has parsed; nothing of that may show.
pub(super) async fn a_second_run_is_as_the_first(bench: &Bench) {
    let throws = "\nthrow new Error('here')";
    let first = bench.failure(throws).await;
    assert_eq!(first.location.map(|at| at.line), Some(2), "{first:?}");
    assert!(bench.engine.check(throws).await.unwrap().is_ok());
    for _ in 0..2 {
        assert_eq!(bench.value("return typeof globalThis.evil").await, "undefined");
        assert_eq!(bench.failure(throws).await, first);
        bench.failure(BREAKOUTS[0]).await;
    }
}

pub(super) async fn an_unheard_rejection_fails_the_call(bench: &Bench) {
    for code in [
        "Promise.reject(new Error('boom')); return 1",
        "Promise.reject(new Error('boom')); await new Promise(() => {})",
        "(async () => { await null; throw new Error('boom') })(); await null; await null; return 1",
        "queueMicrotask(() => { throw new Error('boom') }); return 1",
    ] {
        let failure = bench.failure(code).await;
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (ErrorCode::ToolError, "boom"),
            "{code}"
        );
    }
    let heard = "const p = Promise.reject(new Error('boom')); p.catch(() => {}); return 1";
    assert_eq!(bench.value(heard).await, 1);
    let later =
        "const p = Promise.reject(new Error('boom')); await null; p.catch(() => {}); return 1";
    assert_eq!(bench.value(later).await, 1);
}

pub(super) async fn a_promise_that_cannot_settle_is_found(bench: &Bench) {
    for code in ["await new Promise(() => {})", "return {then() {}}"] {
        assert_eq!(bench.failure(code).await.code, ErrorCode::NeverSettled, "{code}");
    }
}

pub(super) async fn arguments_that_are_not_json_are_refused(bench: &Bench) {
    let deep = "[".repeat(500_000);
    for args in ["", "{", "undefined", "{a: 1}", "1 2", "'x'", &deep] {
        let failure = bench.run("return 1", args).await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidInput, "{failure:?}");
    }
}
