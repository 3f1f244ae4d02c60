//! What hostile code returns, throws and leaves behind: whatever it is, the outcome is one of those that there are.

use dynamic_mcp::adapters::outbound::engine::embedded::WorkerMode;
use dynamic_mcp::domain::ErrorCode::{MemoryExceeded, Timeout, ToolError};
use futures_util::StreamExt as _;

use super::Outcome::{self, Either, Fails, Returns, Says};
use super::attack;
use crate::contract::engine::{Bench, Embedded};

/// Every property that our own scripts could look up on the way, inherited by every object.
const POLLUTED: &str = "for (const name of ['content', 'isError', 'code', 'message', 'name', 'stack', \
     'cause', 'then', 'ok', 'value', 'get', 'set', 'enumerable', 'writable', 'configurable', 'toJSON', \
     'length', '0', 'tool', 'caller', '_meta']) Object.defineProperty(Object.prototype, name, \
     {__proto__: null, get() { return 'FORGED' }, set() {}, configurable: true});";

/// Every function of what a realm has, replaced.
const SPOILT: &str = "const {ownKeys, defineProperty} = Reflect; const all = [Object, Array, String, \
     Number, Boolean, Symbol, BigInt, Map, Set, WeakMap, WeakSet, Promise, Error, TypeError, RangeError, \
     Date, RegExp, Proxy, ArrayBuffer, Uint8Array, DataView, Function, JSON, Reflect, Math, \
     AbortController, Event, EventTarget, Iterator, console]; const count = all.length; \
     for (let i = 0; i < count; i++) { const both = [all[i], all[i].prototype ?? {}]; \
     for (let j = 0; j < 2; j++) { const keys = ownKeys(both[j]); for (let k = 0; k < keys.length; k++) \
     try { defineProperty(both[j], keys[k], {value: () => { throw 'SPOILT' }}) } catch {} } }";

/// Nested a hundred thousand times.
const DEEP: &str = "let a = []; for (let i = 0; i < 1e5; i++) a = [a];";

/// As in the table of attacks.
const RETURNED: &[(&str, &str, Outcome)] = &[
    ("proxy with endless keys", "return new Proxy({}, {ownKeys() { for (;;); }})", Fails(Timeout)),
    (
        "proxy without end",
        "const p = () => new Proxy({}, {ownKeys: () => ['a'], getOwnPropertyDescriptor: () => \
         ({enumerable: true, configurable: true, value: 1}), get: () => p()}); return p()",
        Fails(ToolError),
    ),
    (
        "revoked proxy",
        "const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); return [proxy]",
        Fails(ToolError),
    ),
    (
        "array of any length",
        "return new Proxy([], {get: (_, key) => key === 'length' ? 2 ** 53 : key === 'then' ? undefined : 1})",
        Either(Timeout, MemoryExceeded),
    ),
    ("sparse array", "const a = []; a[2 ** 32 - 2] = 1; return a", Either(Timeout, MemoryExceeded)),
    ("thenable that loops", "return {then() { for (;;); }}", Fails(Timeout)),
    ("thenable of itself", "const t = {then(done) { done(t) }}; return t", Fails(Timeout)),
    ("then that throws", "return {get then() { throw new Error('then') }}", Says("then")),
    (
        "toJSON without end",
        "const t = () => ({toJSON: () => ({a: t()})}); return t()",
        Fails(ToolError),
    ),
    (
        "array that grows",
        "const a = [{toJSON() { a.push(this); return 1 }}]; return a",
        Returns("[1]"),
    ),
    (
        "numbers that JSON has not",
        "return [-0, NaN, -Infinity, 5e-324]",
        Returns("[0,null,null,5e-324]"),
    ),
    (
        "boxes",
        "return [Object('a'), Object(1), Object(false), Object(1n), Object(Symbol('s'))]",
        Returns(r#"["a",1,false,"1","Symbol(s)"]"#),
    ),
    (
        "detached memory",
        "const b = new Uint8Array(8); b.buffer.transfer(); return b",
        Returns("[]"),
    ),
    (
        "generators",
        "return [(function* () { for (;;) yield 1 })(), (async function* () {})()]",
        Returns("[{},{}]"),
    ),
    (
        "result of a hostile object",
        "return ctx.result(new Proxy({}, {get() { for (;;); }}))",
        Fails(Timeout),
    ),
    (
        "own prototypes",
        "Object.setPrototypeOf(args, new Proxy({}, {get() { for (;;); }})); return args",
        Fails(Timeout),
    ),
];

const THROWN: &[(&str, &str, Outcome)] = &[
    (
        "message that loops",
        "class E extends Error { get message() { for (;;); } } throw new E()",
        Fails(Timeout),
    ),
    (
        "message that is an object",
        "throw Object.assign(new Error(), {message: {toString() { for (;;); }}})",
        Fails(Timeout),
    ),
    (
        "stack of nowhere",
        "const e = new Error('m'); e.stack = ' at <input>:0:0\\n at <input>:4294967295:9'; throw e",
        Says("m"),
    ),
    (
        "name that throws",
        "const e = new Error('m'); Object.defineProperty(e, 'name', {get() { throw 1 }}); throw e",
        Says("the tool threw a value that can't be described"),
    ),
    ("long message", "throw new Error('x'.repeat(1e7))", Fails(ToolError)),
    ("proxy", "throw new Proxy({}, {getPrototypeOf() { for (;;); }})", Fails(Timeout)),
    ("function", "throw () => 1", Says("[Function]")),
    (
        "hostile reason that nobody hears",
        "Promise.reject({toJSON() { for (;;); }}); await null; return 1",
        Fails(Timeout),
    ),
];

const MEANWHILE: &[(&str, &str, Outcome)] = &[
    (
        "globals deleted",
        "for (const key of Reflect.ownKeys(globalThis)) try { delete globalThis[key] } catch {} return [1]",
        Returns("[1]"),
    ),
    (
        "microtasks after a return",
        "const f = () => Promise.resolve().then(f); f(); return 1",
        Either(Timeout, MemoryExceeded),
    ),
    ("calls by queueMicrotask", "const f = () => queueMicrotask(f); f(); return 1", Fails(Timeout)),
    ("string of gigabytes", "return 'x'.padEnd(2 ** 30).length", Fails(MemoryExceeded)),
    (
        "replacements",
        "return 'a'.repeat(1e6).replaceAll('a', 'b'.repeat(1e6)).length",
        Either(Timeout, MemoryExceeded),
    ),
    (
        "buffer that grows",
        "new ArrayBuffer(0, {maxByteLength: 2e9}).resize(2e9); return 1",
        Fails(MemoryExceeded),
    ),
    (
        "finalizers",
        "const r = new FinalizationRegistry(() => { for (;;); }); for (let i = 0; i < 1e5; i++) r.register({}, i); return 1",
        Fails(Timeout),
    ),
    ("getter in a log", "console.log({get a() { for (;;); }}); return 1", Returns("1")),
    (
        "proxy in a log",
        "console.log(new Proxy({}, {get() { for (;;); }, ownKeys() { for (;;); }})); return 1",
        Fails(Timeout),
    ),
    ("toJSON in a log", "ctx.log('info', {toJSON() { for (;;); }}); return 1", Fails(Timeout)),
    (
        "listener that loops",
        "ctx.signal.addEventListener('abort', () => { for (;;); }); await new Promise((r) => setTimeout(r, 6e4))",
        Fails(Timeout),
    ),
    (
        "timers by the million",
        "for (;;) setTimeout(() => {}, 1e9)",
        Either(MemoryExceeded, Timeout),
    ),
    (
        "progress that is no number",
        "try { ctx.progress(Infinity) } catch (error) { return error.message }",
        Returns(r#""ctx.progress: done is a finite number""#),
    ),
    (
        "progress of no total",
        "ctx.progress(1, NaN); ctx.progress(2, Infinity); return 1",
        Returns("1"),
    ),
    (
        "name of a tool that loops",
        "return ctx.tools.call({toString() { for (;;); }})",
        Fails(Timeout),
    ),
    (
        "requests without end",
        "for (;;) ctx.tools.list().catch(() => {})",
        Either(MemoryExceeded, Timeout),
    ),
];

/// Native code that calls itself by way of the code's objects.
const TOO_DEEP: &[&str] = &[
    "return JSON.parse('['.repeat(1e6))",
    "return String(a)",
    "return a.flat(Infinity)",
    "return structuredClone(a)",
    "return JSON.stringify(a)",
    "throw a",
    "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x",
    "let p = () => {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return ({}) instanceof p",
    "const o = {[Symbol.toPrimitive]() { return `${o}` }}; return `${o}`",
    "return eval('('.repeat(1e5) + ')'.repeat(1e5))",
    "return new RegExp('(?='.repeat(5e4) + ')'.repeat(5e4))",
    "function* g() { yield* g() } return [...g()]",
    "const f = async () => await f(); return await f()",
    // The interpreter itself does not notice.
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.map((x) => x); return [...it]",
    "const r = /a/; r.exec = () => r.test('a'); return r.test('a')",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_have_ordinary_outcomes() {
    let bench = Bench::new(&Embedded(WorkerMode::ForkServer)).await;
    let spoilt = [
        (POLLUTED, "return {a: [1], m: new Map([[1, 2]])}", Returns(r#"{"a":[1],"m":[[1,2]]}"#)),
        (POLLUTED, "throw new Error('real')", Says("real")),
        (
            POLLUTED,
            "ctx.log('info', {a: 1}); console.log([1]); ctx.progress(1); return 1",
            Returns("1"),
        ),
        (SPOILT, "return {a: [1]}", Returns(r#"{"a":[1]}"#)),
        (SPOILT, "throw new Error('real')", Fails(ToolError)),
    ];
    let spoilt = spoilt.map(|(first, then, outcome)| (then, format!("{first} {then}"), outcome));
    let deep = TOO_DEEP.iter().map(|code| (*code, format!("{DEEP} {code}"), Fails(ToolError)));
    let tables = [RETURNED, THROWN, MEANWHILE].into_iter().flatten();
    let all: Vec<_> =
        tables.map(|(name, code, outcome)| (*name, (*code).to_owned(), outcome)).collect();
    let made: Vec<_> = spoilt.into_iter().chain(deep).collect();
    let made = made.iter().map(|(name, code, outcome)| (*name, code.as_str(), outcome));
    let all = all.iter().map(|(name, code, outcome)| (*name, code.as_str(), *outcome)).chain(made);
    futures_util::stream::iter(all)
        .for_each_concurrent(4, |(name, code, outcome)| attack(&bench, name, code, outcome))
        .await;
}
