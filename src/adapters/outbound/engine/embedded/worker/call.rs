//! One call, from the function's text to its outcome.

use std::time::Duration;

use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{CatchResultExt as _, Ctx, Function, Persistent, Promise, Value};

use super::super::super::exchange::CHECK_TIMEOUT;
use super::super::super::protocol::{FromWorker, Run, ToWorker};
use super::realm::Realm;
use super::verdict;
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, Location, Returned, SyntaxError};

/// The name of code that is only parsed.
const CHECKED: &str = "tool:";

type Main = Persistent<Promise<'static>>;

impl Realm {
    /// Runs a call and says what it came to.
    pub(super) fn run(&self, run: &Run) -> Result<Returned, Failure> {
        self.state.begin(run.limits, run.entropy);
        let outcome = self.attempt(run);
        self.state.report_dropped();
        outcome.map_err(|failure| Failure {
            location: failure.location.map(|at| verdict::in_characters(&run.code, at)),
            ..failure
        })
    }

    /// Parses code; none of it runs.
    pub(super) fn check(&self, code: &str) -> Result<(), SyntaxError> {
        let limits =
            crate::domain::execution::Limits { timeout: CHECK_TIMEOUT, ..self.state.limits() };
        self.state.begin(limits, [0; 32]);
        let verdict = self.context.with(|ctx| {
            parse(&ctx, code)?;
            // Parses the same once more; a function that is made and not called runs nothing.
            let function: Function<'_> =
                ctx.eval("(async () => {}).constructor").map_err(|_| odd())?;
            function
                .call::<_, Value<'_>>(("args", "ctx", code))
                .map(|_| ())
                .map_err(|_| syntax_error(&ctx, verdict::LINES_BEFORE_BODY, verdict::SOURCE))
        });
        verdict.map_err(|error| SyntaxError {
            location: verdict::in_characters(code, error.location),
            ..error
        })
    }

    fn attempt(&self, run: &Run) -> Result<Returned, Failure> {
        let main = self.context.with(|ctx| self.start(&ctx, run))?;
        loop {
            self.drain()?;
            let settled = self.context.with(|ctx| self.settled(&ctx, &main))?;
            if let Some(returned) = settled {
                return Ok(returned);
            }
            let next = self.context.with(|ctx| self.tick(&ctx))?;
            // A timer that ran may have left jobs, which come before any waiting.
            if next != Some(Duration::ZERO) && !self.runtime.is_job_pending() {
                self.wait(next)?;
            }
        }
    }

    fn start(&self, ctx: &Ctx<'_>, run: &Run) -> Result<Main, Failure> {
        let parsed = if run.parsed { Ok(()) } else { parse(ctx, &run.code) };
        parsed.map_err(|error| {
            if self.state.must_stop() {
                return verdict::timeout(&self.state);
            }
            if self.state.memory.refused() {
                return verdict::memory();
            }
            Failure {
                code: ErrorCode::ToolError,
                message: format!("SyntaxError: {}", error.message),
                location: Some(error.location),
                details: Some(serde_json::json!({ "name": "SyntaxError" })),
            }
        })?;
        let args = ctx.json_parse(run.args.as_str()).map_err(|_| {
            let thrown = ctx.catch();
            if self.state.memory.refused() {
                return verdict::memory();
            }
            let why = thrown.as_exception().and_then(rquickjs::Exception::message);
            Failure::new(
                ErrorCode::InvalidInput,
                format!("the arguments are not JSON: {}", why.unwrap_or_default()),
            )
        })?;
        let start = restore(ctx, &self.hooks.start)?;
        let main: Result<Promise<'_>, _> =
            start.call((run.code.as_str(), args, run.about.as_str()));
        main.map(|main| Persistent::save(ctx, main)).map_err(|_| self.thrown(ctx))
    }

    /// Runs the jobs that are due.
    fn drain(&self) -> Result<(), Failure> {
        loop {
            let ran = self.runtime.execute_pending_job();
            if self.state.must_stop() {
                return Err(verdict::timeout(&self.state));
            }
            match ran {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(exception) => return Err(exception.0.with(|ctx| self.thrown(&ctx))),
            }
        }
    }

    /// The outcome, where there is one by now.
    fn settled(&self, ctx: &Ctx<'_>, main: &Main) -> Result<Option<Returned>, Failure> {
        let main = main.clone().restore(ctx).map_err(|_| defect())?;
        let unheard = std::mem::take(&mut *self.state.rejections.borrow_mut());
        for (promise, reason) in unheard {
            let promise = promise.restore(ctx).map_err(|_| defect())?;
            if promise != *main.as_value() {
                let reason = reason.restore(ctx).map_err(|_| defect())?;
                return Err(self.failure(ctx, reason));
            }
        }
        match main.state() {
            PromiseState::Pending => Ok(None),
            PromiseState::Rejected => {
                // Throws the reason, so that it can be caught.
                let result: Option<rquickjs::Result<Value<'_>>> = main.result();
                drop(result);
                Err(self.thrown(ctx))
            }
            PromiseState::Resolved => {
                let value: Value<'_> = main.result().and_then(Result::ok).ok_or_else(defect)?;
                self.encode(ctx, value).map(Some)
            }
        }
    }

    fn encode<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>) -> Result<Returned, Failure> {
        let is_rich: bool = restore(ctx, &self.hooks.is_rich)?
            .call((value.clone(),))
            .map_err(|_| self.thrown(ctx))?;
        let encode = restore(ctx, &self.hooks.encode)?;
        let json: String = encode.call((value,)).map_err(|_| self.thrown(ctx))?;
        if self.state.must_stop() {
            return Err(verdict::timeout(&self.state));
        }
        let limit = self.state.limits().output_bytes;
        if json.len() > limit {
            return Err(Failure {
                details: Some(serde_json::json!({ "bytes": json.len(), "limit": limit })),
                ..Failure::new(
                    ErrorCode::OutputTooLarge,
                    format!("the result has {} bytes of JSON, and may have {limit}", json.len()),
                )
            });
        }
        Ok(if is_rich { Returned::Rich(json) } else { Returned::Value(json) })
    }

    /// Runs the timers that are due. Until the next: a time, or nothing.
    fn tick(&self, ctx: &Ctx<'_>) -> Result<Option<Duration>, Failure> {
        let Some(tick) = &self.hooks.tick else { return Ok(None) };
        let now = self.state.elapsed().as_secs_f64() * 1e3;
        let next: f64 = restore(ctx, tick)?.call((now,)).map_err(|_| self.thrown(ctx))?;
        Ok(if next < 0.0 {
            None
        } else {
            Some(Duration::try_from_secs_f64(next / 1e3).unwrap_or(Duration::MAX))
        })
    }

    /// Waits for the host or the next timer.
    fn wait(&self, next: Option<Duration>) -> Result<(), Failure> {
        if next.is_none() && !self.state.awaits_host() {
            return Err(if self.state.memory.refused() {
                verdict::memory()
            } else {
                Failure::new(
                    ErrorCode::NeverSettled,
                    "the tool's promise can never settle: no timer, request or job is pending",
                )
            });
        }
        let remaining = self.state.remaining();
        self.state.send(&FromWorker::Wait(next.map_or(remaining, |next| next.min(remaining))));
        match self.state.receive() {
            Ok(ToWorker::Tick) => Ok(()),
            Ok(ToWorker::Abort) => self.context.with(|ctx| {
                let abort = restore(&ctx, &self.hooks.abort)?;
                abort.call(("the call was cancelled",)).map_err(|_| self.thrown(&ctx))
            }),
            Ok(ToWorker::Reply { id, ok, json }) => self.context.with(|ctx| {
                self.state.count_answer();
                let deliver = restore(&ctx, &self.hooks.deliver)?;
                deliver.call((id, ok, json)).map_err(|_| self.thrown(&ctx))
            }),
            Ok(ToWorker::Run(_) | ToWorker::Check(_)) | Err(_) => {
                Err(Failure::new(ErrorCode::Cancelled, "the host has gone"))
            }
        }
    }

    /// The pending exception as a failure.
    fn thrown(&self, ctx: &Ctx<'_>) -> Failure {
        let thrown = ctx.catch();
        self.failure(ctx, thrown)
    }

    fn failure<'js>(&self, ctx: &Ctx<'js>, thrown: Value<'js>) -> Failure {
        match restore(ctx, &self.hooks.describe) {
            Ok(describe) => verdict::failure(ctx, &self.state, &describe, thrown),
            Err(failure) => failure,
        }
    }
}

fn restore<'js>(
    ctx: &Ctx<'js>,
    hook: &Persistent<Function<'static>>,
) -> Result<Function<'js>, Failure> {
    hook.clone().restore(ctx).catch(ctx).map_err(|_| defect())
}

/// Parses `code` where a body that closes its function early can't parse. The interpreter's constructor
/// pastes the body between `(async function (args, ctx) {` and `})`, where what follows an early `}` is
/// an operator, a comma or a bracket; here only a colon may follow. No body passes both unless it is one.
/// The script's first statement throws, so that nothing else in it is ever run.
fn parse(ctx: &Ctx<'_>, code: &str) -> Result<(), SyntaxError> {
    let script = format!("throw 0;(function(){{0?async(args,ctx)=>{{\n{code}\n}}:0}})");
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some("tool".to_owned());
    let thrown = match ctx.eval_with_options::<(), _>(script, options) {
        Err(rquickjs::Error::Exception) => ctx.catch(),
        Err(rquickjs::Error::InvalidString(_)) => {
            return Err(SyntaxError {
                message: "the code holds a NUL character".to_owned(),
                location: Location { line: 1, column: 1 },
            });
        }
        _ => return Err(odd()),
    };
    if thrown.as_int() == Some(0) {
        return Ok(());
    }
    ctx.throw(thrown);
    Err(syntax_error(ctx, 1, CHECKED))
}

/// The pending exception as a syntax error, its place as the interpreter counts.
fn syntax_error(ctx: &Ctx<'_>, before: u32, source: &str) -> SyntaxError {
    let thrown = ctx.catch();
    let (message, stack) = thrown.as_exception().map_or_else(Default::default, |exception| {
        (exception.message().unwrap_or_default(), exception.stack().unwrap_or_default())
    });
    if message.is_empty() {
        return odd();
    }
    let start = Location { line: 1, column: 1 };
    SyntaxError { message, location: verdict::location(&stack, source, before).unwrap_or(start) }
}

fn defect() -> Failure {
    Failure::new(ErrorCode::Internal, "the worker has a defect")
}

fn odd() -> SyntaxError {
    SyntaxError {
        message: "the code could not be parsed within the limits".to_owned(),
        location: Location { line: 1, column: 1 },
    }
}
