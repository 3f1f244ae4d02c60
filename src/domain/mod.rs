//! The domain: what a tool, a revision, a grant or a limit *is*, and the rules that hold whatever the
//! transport, the store or the sandbox.
//!
//! Pure by rule: no I/O, no async, no clock, no randomness. It may use `std`, serde, schemars (derives),
//! thiserror, `serde_json::Value`, sha2, url and chrono's types; nothing else of this crate.
//!
//! So every rule can be tried out by itself:
//!
//! ```
//! # use std::error::Error;
//! use dynamic_mcp::domain::tool::{ToolDraft, ToolPolicy};
//! use dynamic_mcp::domain::{AccessPolicy, Action};
//! use serde_json::{from_value, json};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let draft: ToolDraft = from_value(json!({
//!     "name": "text.slug", "description": "Makes a slug.", "code": "return 1", "timeoutMs": 300_000,
//! }))?;
//! let refused = draft.clone().check(&ToolPolicy::default()).unwrap_err();
//! assert_eq!(refused.to_string(), "timeoutMs must be 1000 to 120000 milliseconds, not 300000");
//!
//! let patient = ToolPolicy { max_timeout_ms: 300_000, ..ToolPolicy::default() };
//! let (name, content) = draft.check(&patient)?;
//! assert_eq!((name.client_safe().as_str(), content.timeout().as_secs()), ("text_slug", 300));
//!
//! let closed = AccessPolicy { admin_required: true, ..AccessPolicy::default() };
//! assert!(closed.check(Action::Use, false).is_ok());
//! assert!(closed.check(Action::Manage, false).is_err());
//! # Ok(())
//! # }
//! ```

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
pub mod text;
pub mod tool;
pub mod upstream;

pub use access::{AccessPolicy, Action};
pub use audit::{AuditCategory, AuditEvent, AuditOutcome};
pub use caller::{Actor, Caller};
pub use code::ErrorCode;
pub use guard::{GuardLimits, Rejection, RejectionKind, Scope, ScopeTally};
pub use log_level::LogLevel;
pub use profile::Profile;
