//! The interpreter with everything that code finds in it, made before any code that nobody trusts.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::function::Func;
use rquickjs::{Context, Ctx, Exception, Function, Object, Persistent, Runtime, TypedArray, Value};

use super::super::super::protocol::MAX_CALL_BODY;
use super::allocator::{Capped, Memory};
use super::state::CallState;
use super::web;

const CORE: &str = include_str!("../../core.js");

/// Of the stack, for the interpreter's frames.
const STACK_BYTES: usize = 2 << 20;

/// Most random bytes in one request, as the Web Crypto API has it.
const ENTROPY_BYTES: usize = 65_536;

/// The script's functions that the native side calls.
pub(super) struct Hooks {
    /// `start(code, args, about)`: a promise.
    pub(super) start: Persistent<Function<'static>>,
    /// `deliver(id, ok, json)`.
    pub(super) deliver: Persistent<Function<'static>>,
    /// `abort(reason)`.
    pub(super) abort: Persistent<Function<'static>>,
    /// `encode(value)`: JSON text.
    pub(super) encode: Persistent<Function<'static>>,
    /// `describe(thrown)`: `[message, stack, name, refusal]`.
    pub(super) describe: Persistent<Function<'static>>,
    /// `isRich(value)`.
    pub(super) is_rich: Persistent<Function<'static>>,
    /// `tick(now)`: runs a timer that is due; milliseconds until the next, or -1.
    pub(super) tick: Option<Persistent<Function<'static>>>,
}

/// A runtime, its one context, and what the native side needs of them. The fields are dropped in this order:
/// a value may not outlive its runtime.
pub(super) struct Realm {
    pub(super) hooks: Hooks,
    pub(super) context: Context,
    pub(super) runtime: Runtime,
    pub(super) state: Rc<CallState>,
}

impl Drop for Realm {
    fn drop(&mut self) {
        self.state.rejections.borrow_mut().clear();
    }
}

impl Realm {
    /// A fresh one, with at most `memory_bytes` for the interpreter.
    ///
    /// # Errors
    /// In words, where there is not even enough memory for the prelude.
    pub(super) fn new(memory_bytes: usize) -> Result<Self, String> {
        let memory = Memory::new(memory_bytes);
        let state = CallState::new(Rc::clone(&memory));
        let runtime =
            Runtime::new_with_alloc(Capped::new(memory)).map_err(|error| error.to_string())?;
        runtime.set_max_stack_size(STACK_BYTES);
        let stop = Rc::clone(&state);
        runtime.set_interrupt_handler(Some(Box::new(move || stop.must_stop())));
        let tracked = Rc::clone(&state);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx, promise, reason, handled| track(&tracked, &ctx, promise, reason, handled),
        )));
        let context = Context::full(&runtime).map_err(|error| error.to_string())?;
        let hooks = context.with(|ctx| {
            furnish(&ctx, &state).map_err(|error| format!("{error}: {:?}", ctx.catch()))
        })?;
        Ok(Self { hooks, context, runtime, state })
    }
}

impl Realm {
    /// Adds a global function `native`: see [`Variation`](super::Variation).
    pub(super) fn install_native(&self, native: fn(&str) -> String) -> Result<(), String> {
        let function = Func::from(move |text: String| native(&text));
        self.context
            .with(|ctx| ctx.globals().set("native", function))
            .map_err(|error| error.to_string())
    }
}

/// Keeps the list of promises that were rejected unheard.
fn track<'js>(
    state: &CallState,
    ctx: &Ctx<'js>,
    promise: Value<'js>,
    reason: Value<'js>,
    handled: bool,
) {
    let promise = Persistent::save(ctx, promise);
    let mut rejections = state.rejections.borrow_mut();
    if handled {
        rejections.retain(|(unheard, _)| *unheard != promise);
    } else {
        rejections.push((promise, Persistent::save(ctx, reason)));
    }
}

/// Puts in what code finds: natives, the core script, the web surface.
fn furnish(ctx: &Ctx<'_>, state: &Rc<CallState>) -> rquickjs::Result<Hooks> {
    let host = natives(ctx, state)?;
    let core: Function<'_> = evaluate(ctx, "dmcp:core", CORE)?;
    let hooks: Object<'_> = core.call((host.clone(),))?;
    web::install(ctx, &host)?;
    hooks.get::<_, Function<'_>>("seal")?.call::<_, ()>(())?;
    let hook = |name: &str| -> rquickjs::Result<Persistent<Function<'static>>> {
        Ok(Persistent::save(ctx, hooks.get::<_, Function<'_>>(name)?))
    };
    let tick: Option<Function<'_>> = host.get("tick")?;
    Ok(Hooks {
        start: hook("start")?,
        deliver: hook("deliver")?,
        abort: hook("abort")?,
        encode: hook("encode")?,
        describe: hook("describe")?,
        is_rich: hook("isRich")?,
        tick: tick.map(|tick| Persistent::save(ctx, tick)),
    })
}

/// Evaluates a script of our own, which `name` stands for in stack traces.
pub(super) fn evaluate<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    script: &str,
) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(script, options)
}

/// The `host` object that our own scripts get; code that nobody trusts never sees it.
fn natives<'js>(ctx: &Ctx<'js>, state: &Rc<CallState>) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let shared = Rc::clone(state);
    host.set(
        "log",
        Func::from(move |level: usize, text: String, json: bool| shared.log(level, &text, json)),
    )?;
    let shared = Rc::clone(state);
    host.set("progress", Func::from(move |json: String| shared.progress(json)))?;
    let shared = Rc::clone(state);
    let send = move |ctx: Ctx<'js>, kind: String, body: String| {
        if body.len() > MAX_CALL_BODY {
            return Err(Exception::throw_range(&ctx, "the request to the host is over 4 MiB"));
        }
        Ok(shared.call(&kind, body).unwrap_or(0))
    };
    host.set("send", Function::new(ctx.clone(), send)?)?;
    let shared = Rc::clone(state);
    host.set("now", Func::from(move || shared.elapsed().as_secs_f64() * 1e3))?;
    let shared = Rc::clone(state);
    let entropy = move |ctx: Ctx<'js>, count: usize| {
        if count > ENTROPY_BYTES {
            return Err(Exception::throw_range(&ctx, "at most 65536 random bytes at once"));
        }
        let mut bytes = vec![0; count];
        shared.fill(&mut bytes);
        TypedArray::<u8>::new(ctx, bytes)
    };
    host.set("entropy", Function::new(ctx.clone(), entropy)?)?;
    let shared = Rc::clone(state);
    let random = Function::new(ctx.clone(), move || shared.fraction())?.with_name("random")?;
    ctx.globals().get::<_, Object<'_>>("Math")?.set("random", random)?;
    Ok(host)
}
