//! Ties this process's spans to those of its callers and of those it calls (W3C Trace Context).
//!
//! The subscriber that spans go to is one for the process, and so is its companion here: it is installed once,
//! and where nobody exports traces nothing is installed and everything below costs a load.

use std::sync::OnceLock;

use tracing::Span;

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

/// Knows which span is which in a trace.
pub trait Traces: Send + Sync {
    /// Makes `span`, which has no child yet, a child of the caller's. MUST ignore what is no valid context.
    fn continue_from(&self, span: &Span, caller: &TraceContext);

    /// What to send along with a request made within `span`; `None` where the span belongs to no trace.
    fn context_of(&self, span: &Span) -> Option<TraceContext>;
}

static INSTALLED: OnceLock<Box<dyn Traces>> = OnceLock::new();

/// Installs the companion of the process's subscriber; the first one stays.
pub fn install(traces: Box<dyn Traces>) {
    // A second one would belong to a subscriber that was not installed either.
    INSTALLED.set(traces).ok();
}

/// Makes `span`, which has no child yet, a child of the caller's, where traces are exported.
pub fn continue_from(span: &Span, caller: Option<&TraceContext>) {
    if let (Some(traces), Some(caller)) = (INSTALLED.get(), caller) {
        traces.continue_from(span, caller);
    }
}

/// What to send along with a request made within `span`, where traces are exported.
pub fn context_of(span: &Span) -> Option<TraceContext> {
    INSTALLED.get()?.context_of(span)
}
