//! Measurements. Sync and cheap: they stand on the path of every call.

use std::time::Duration;

use super::BoxError;
use crate::domain::tool::EngineKind;
use crate::domain::{ErrorCode, RejectionKind};

/// Takes measurements. Every method MUST be cheap and MUST NOT block.
pub trait Metrics: Send + Sync {
    /// A call of a dynamic tool, or of code that is not stored, ended. `tool`: its name or
    /// `run_js_ephemeral`; `outcome`: `None` for success.
    fn call(&self, tool: &str, engine: EngineKind, outcome: Option<ErrorCode>, took: Duration);

    /// A call of a mounted tool ended. `tool`: its name here; `outcome`: `None` for success.
    fn mounted_call(&self, tool: &str, outcome: Option<ErrorCode>, took: Duration);

    /// A run has waited this long for its sandbox.
    fn sandbox_started(&self, engine: EngineKind, took: Duration);

    /// The guard refused a call.
    fn rejected(&self, kind: RejectionKind);

    /// The store finished an operation such as `insert`.
    fn store(&self, operation: &'static str, ok: bool, took: Duration);

    /// Whether the store's own server answers, whenever that changes; never told of a store without one.
    fn store_available(&self, available: bool);

    /// A list change was announced to this many sessions and streams.
    fn notified(&self, receivers: usize);

    /// This many events were written to the audit log.
    fn audit_written(&self, events: u64);

    /// An event was lost: the audit log had no room for it.
    fn audit_lost(&self);

    /// Whether the audit log can be written, whenever that changes.
    fn audit_failing(&self, failing: bool);
}

/// Takes none: for profiles without an exporter.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn call(&self, _: &str, _: EngineKind, _: Option<ErrorCode>, _: Duration) {}
    fn mounted_call(&self, _: &str, _: Option<ErrorCode>, _: Duration) {}
    fn sandbox_started(&self, _: EngineKind, _: Duration) {}
    fn rejected(&self, _: RejectionKind) {}
    fn store(&self, _: &'static str, _: bool, _: Duration) {}
    fn store_available(&self, _: bool) {}
    fn notified(&self, _: usize) {}
    fn audit_written(&self, _: u64) {}
    fn audit_lost(&self) {}
    fn audit_failing(&self, _: bool) {}
}

/// Takes the measurements of the HTTP transport, and shows all that were taken.
///
/// Every method but [`exposition`](Self::exposition) MUST be cheap and MUST NOT block.
pub trait HttpMetrics: Send + Sync {
    /// A session was made.
    fn session_opened(&self);

    /// A session ended. `expired`: because it was idle, not because its client or the server ended it.
    fn session_closed(&self, expired: bool);

    /// A request showed a credential, which was accepted or not.
    fn authenticated(&self, accepted: bool);

    /// Every measurement, in the Prometheus text format, version 0.0.4.
    fn exposition(&self) -> Result<String, BoxError>;
}
