//! Use cases: what the server does, told in the domain's words and through the ports.
//!
//! Inbound adapters call the services of [`App`]; nothing here knows a transport, a store's driver or an
//! engine's kind of sandbox. The one room that knows all of them is the composition root.

pub mod audited;
pub mod authorize;
pub mod catalog;
pub mod config;
pub mod engines;
pub mod error;
pub mod executor;
pub mod follow;
pub mod gate;
pub mod host;
pub mod lifecycle;
pub mod measured_store;
pub mod mounted;
pub mod outcome;
pub mod runner;
pub mod runtime_config;
pub mod sandboxes;
pub mod search;
pub mod snapshot;
pub mod system;
pub mod testing;
pub mod upstreams;
#[cfg(feature = "mcp")]
pub mod wiring;

use std::sync::Arc;

pub use authorize::Authorizer;
pub use catalog::{Author, Catalog, CatalogLimits, CatalogParts};
pub use engines::Engines;
pub use error::AppError;
pub use executor::{CallContext, Executor, ExecutorParts, RunLimits};
pub use gate::Gate;
pub use host::CallSink;
pub use lifecycle::Lifecycle;
pub use measured_store::MeasuredStore;
pub use mounted::{MountedTool, Mounts};
pub use outcome::{CallResult, Output, Receipt};
pub use runner::{EphemeralJob, Runner, RunnerParts};
pub use runtime_config::RuntimeConfig;
pub use sandboxes::{SandboxLimits, SandboxParts, Sandboxes};
pub use search::{Callable, Search};
pub use snapshot::{Snapshot, Tool};
pub use system::System;
pub use testing::{ExampleResult, Examples, Testing};
pub use upstreams::{Upstreams, UpstreamsError, UpstreamsParts};

use crate::ports::{AuditLog, Metrics};

/// Every use case. Cheap to clone: one for each session or request.
#[derive(Clone)]
pub struct App {
    /// The registry: list, get, create, update, delete, enable, history, rollback.
    pub catalog: Arc<Catalog>,
    /// Finds tools by words.
    pub search: Arc<Search>,
    /// Runs the examples of tools.
    pub testing: Arc<Testing>,
    /// Calls of dynamic tools, and of code that is not stored.
    pub runner: Arc<Runner>,
    /// The execution guard.
    pub gate: Arc<Gate>,
    /// Who may do what.
    pub authorizer: Arc<Authorizer>,
    /// Health, and the configuration as it may be seen.
    pub system: Arc<System>,
    /// Other MCP servers; `None`: attaching is off.
    pub upstreams: Option<Arc<Upstreams>>,
    /// Interactive sandboxes; `None`: this build has no Docker.
    pub sandboxes: Option<Arc<Sandboxes>>,
    /// Takes the measurements that inbound adapters make.
    pub metrics: Arc<dyn Metrics>,
    /// Is told of what callers do by built-in tools.
    pub audit: Arc<dyn AuditLog>,
}
