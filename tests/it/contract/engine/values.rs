//! What goes in and what comes out.

use dynamic_mcp::domain::execution::Returned;
use serde_json::json;

use super::Bench;

pub(super) async fn arguments_come_in_and_a_value_goes_out(bench: &Bench) {
    let code = "return {upper: String(args.text).toUpperCase()}";
    let outcome = bench.run(code, r#"{"text":"hello"}"#).await;
    assert_eq!(outcome, Ok(Returned::Value(r#"{"upper":"HELLO"}"#.to_owned())));
}

pub(super) async fn json_values_come_back_as_they_are(bench: &Bench) {
    for (code, value) in [
        ("return null", json!(null)),
        ("return undefined", json!(null)),
        ("", json!(null)),
        ("return () => 1", json!(null)),
        ("return true", json!(true)),
        ("return -1.5e3", json!(-1500)),
        ("return NaN", json!(null)),
        ("return 'é\\n\\u0000😀'", json!("é\n\u{0}😀")),
        ("return [1, [2, {a: undefined, b: 'x'}], undefined]", json!([1, [2, {"b": "x"}], null])),
        ("return await Promise.resolve({then: 1})", json!({"then": 1})),
        ("return {toJSON() { return {via: 'toJSON'} }}", json!({"via": "toJSON"})),
        ("return JSON.parse('{\"__proto__\": 1}')", json!({"__proto__": 1})),
    ] {
        assert_eq!(bench.value(code).await, value, "{code}");
    }
}

pub(super) async fn what_json_cannot_write_is_rendered(bench: &Bench) {
    for (code, value) in [
        ("return 12345678901234567890n", json!("12345678901234567890")),
        ("return {n: 1n}", json!({"n": "1"})),
        ("return new Map([['a', 1], ['b', new Set([1, 'x'])]])", json!({"a": 1, "b": [1, "x"]})),
        ("return new Map([[1, 'a']])", json!([[1, "a"]])),
        ("return new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("return [new Date(NaN)]", json!([null])),
        ("return new Uint8Array([1, 2])", json!([1, 2])),
        ("return new Float64Array([0.5])", json!([0.5])),
        ("return new Uint8Array([7, 8]).buffer", json!([7, 8])),
        ("return new DataView(new Uint8Array([7, 8, 9]).buffer, 1)", json!([8, 9])),
        ("return /a+/gi", json!("/a+/gi")),
        ("return [Symbol('s')]", json!(["Symbol(s)"])),
        ("const a = {n: 1}; a.self = a; return a", json!({"n": 1, "self": "[Circular]"})),
        ("const a = []; a.push(a, [a]); return a", json!(["[Circular]", ["[Circular]"]])),
        ("const a = {}; return [a, a]", json!([{}, {}])),
        (
            "return Object.assign(new TypeError('no', {cause: 1}), {code: 'E'})",
            json!({"name": "TypeError", "message": "no", "cause": 1, "code": "E"}),
        ),
        (
            "class A { constructor() { this.x = 1 } get y() { return 2 } } return new A()",
            json!({"x": 1}),
        ),
    ] {
        assert_eq!(bench.value(code).await, value, "{code}");
    }
}

pub(super) async fn arguments_are_data(bench: &Bench) {
    let args = r#"{"__proto__":{"polluted":1},"constructor":2,"text":"`${globalThis.x=1}`\"'</script>\u2028","big":1e999}"#;
    let code = "return [({}).polluted, typeof globalThis.x, args.text.length, \
                Object.keys(args), args.big === Infinity]";
    let outcome = bench.run(code, args).await;
    let expected =
        r#"[null,"undefined",31,["__proto__","constructor","text","big"],true]"#.to_owned();
    assert_eq!(outcome, Ok(Returned::Value(expected)));
}

pub(super) async fn the_context_says_who_and_what(bench: &Bench) {
    let code = "return [ctx.tool, ctx.caller, ctx.signal === undefined || ctx.signal.aborted, \
                Object.isFrozen(ctx)]";
    let value = bench.value(code).await;
    assert_eq!(value[0], json!({"name": "text.case", "revision": 3}));
    assert_eq!(value[1], json!({"subject": "alice", "scopes": ["tools"]}));
    assert_eq!(value[3], json!(true));
}

pub(super) async fn rich_results_are_told_from_values(bench: &Bench) {
    let content = r#"{"content":[{"type":"text","text":"hi"}],"isError":true}"#;
    let rich = |outcome| matches!(outcome, Ok(Returned::Rich(json)) if json == content);
    let real = "return ctx.result({isError: true, content: [{type: 'text', text: 'hi'}], x: 1})";
    assert!(rich(bench.run(real, "{}").await));
    for forged in [
        "return {content: [{type: 'text', text: 'hi'}], isError: true}",
        "const r = ctx.result({isError: true}); return {...r}",
        "return new Proxy(ctx.result({content: []}), {})",
        "WeakSet.prototype.has = () => true; return {content: []}",
        "const r = ctx.result({content: []}); return Object.create(r)",
    ] {
        let outcome = bench.run(forged, "{}").await;
        assert!(matches!(outcome, Ok(Returned::Value(_))), "{forged}: {outcome:?}");
    }
    let wrong = bench.failure("return ctx.result('text')").await;
    assert!(wrong.message.contains("ctx.result takes an object"), "{wrong:?}");
}

pub(super) async fn half_a_surrogate_pair_does_not_break_the_answer(bench: &Bench) {
    let value = bench.value("return {'k\\ud800': '\\udc00x', ok: '\\ud83d\\ude00'}").await;
    assert_eq!(value, json!({"k\u{fffd}": "\u{fffd}x", "ok": "😀"}));
    let failure = bench.failure("throw new Error('half \\ud800')").await;
    assert_eq!(failure.message, "half \u{fffd}");
}
