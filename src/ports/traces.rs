//! Ties what this process does to the traces of its callers and of those it calls (W3C Trace Context).
//!
//! The subscriber that spans go to is one for the process, and so is its companion here: it is installed once,
//! and where nobody exports traces nothing is installed and everything below costs a load.

use std::any::Any;
use std::sync::OnceLock;

/// Longest `tracestate` that is taken over, in bytes; the standard asks for at least 512.
const MAX_STATE_BYTES: usize = 512;

/// Where in a trace somebody is, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The header `traceparent`.
    pub parent: String,
    /// The header `tracestate`.
    pub state: Option<String>,
}

impl TraceContext {
    /// From what came with a request; a `tracestate` that is too long is left out, as the standard allows.
    pub fn new(parent: &str, state: Option<&str>) -> Self {
        let state = state.filter(|state| state.len() <= MAX_STATE_BYTES).map(str::to_owned);
        Self { parent: parent.to_owned(), state }
    }
}

/// While it lives, what begins on its thread belongs to the caller's trace.
#[must_use = "what begins after it was dropped does not belong to the trace"]
pub struct Entered(#[expect(dead_code, reason = "held, not read")] Box<dyn Any>);

/// Knows where in a trace each thread's work is.
pub trait Traces: Send + Sync {
    /// Until the result is dropped, what begins on this thread MUST belong to the caller's trace, or to the one that it
    /// would belong to anyway if `caller` is no valid context.
    fn enter(&self, caller: &TraceContext) -> Box<dyn Any>;

    /// What to send along with a request made now; `None` where the work belongs to no trace.
    fn current(&self) -> Option<TraceContext>;
}

static INSTALLED: OnceLock<Box<dyn Traces>> = OnceLock::new();

/// Installs the companion of the process's subscriber; the first one stays.
pub fn install(traces: Box<dyn Traces>) {
    // A second one would belong to a subscriber that was not installed either.
    INSTALLED.set(traces).ok();
}

/// Lets a span that is made next be a part of the caller's trace, where traces are exported.
pub fn enter(caller: Option<&TraceContext>) -> Option<Entered> {
    Some(Entered(INSTALLED.get()?.enter(caller?)))
}

/// What to send along with a request made now, where traces are exported.
pub fn current() -> Option<TraceContext> {
    INSTALLED.get()?.current()
}
