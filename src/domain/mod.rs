//! The domain: what a tool, a revision, a grant or a limit *is*, and the rules that hold whatever the
//! transport, the store or the sandbox.
//!
//! Pure by rule: no I/O, no async, no clock, no randomness. It may use `std`, serde, schemars (derives),
//! thiserror, `serde_json::Value`, sha2, url and chrono's types; nothing else of this crate.

pub mod access;
pub mod audit;
pub mod builtin;
pub mod caller;
pub mod code;
pub mod execution;
pub mod guard;
pub mod image;
pub mod log_level;
pub mod network;
pub mod profile;
pub mod sandbox;
pub mod search;
pub mod tool;
pub mod upstream;

pub use access::{AccessPolicy, Action};
pub use audit::{AuditCategory, AuditEvent, AuditOutcome};
pub use caller::{Actor, Caller};
pub use code::ErrorCode;
pub use guard::{GuardLimits, Rejection, RejectionKind, Scope, ScopeTally};
pub use log_level::LogLevel;
pub use profile::Profile;
