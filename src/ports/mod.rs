//! Ports: the traits through which the use cases reach the world, each with its contract.
//!
//! To add one: write the trait in a file of its own with every promise as a sentence that holds MUST; name
//! its error enum after the port, closed, with an opaque source; write a contract suite in
//! `tests/it/contract` and stamp it on every adapter and on the fake; take it in `app` as `Arc<dyn Port>`.
//!
//! Absence is an `Option`, never an error. A port's error says what the caller can do, never which driver
//! said it.

pub mod attachment_store;
pub mod audit_log;
pub mod clock;
pub mod engine;
pub mod host;
pub mod mailbox;
pub mod metrics;
pub mod rate_limiter;
pub mod sandbox_host;
pub mod schema_check;
pub mod session_store;
pub mod token_verifier;
pub mod tool_store;
pub mod traces;
pub mod upstream;

pub use attachment_store::AttachmentStore;
pub use audit_log::{AuditLog, NoAudit};
pub use clock::{Clock, Ids};
pub use engine::{Engine, EngineError, EngineReport, Strength};
pub use host::{Host, HostRefusal, ProgressFn};
pub use mailbox::Mailbox;
pub use metrics::{HttpMetrics, Metrics, NoMetrics};
pub use rate_limiter::{NoLimit, RateLimiter};
pub use sandbox_host::{Sandbox, SandboxError, SandboxHost};
pub use schema_check::{CompiledSchema, SchemaCheck, SchemaViolation};
pub use session_store::{SessionEvent, SessionKey, SessionStore, SessionStoreError, StoredSession};
pub use token_verifier::{Accepted, TokenError, TokenVerifier};
pub use tool_store::{Listing, StoreError, StoreEvent, ToolStore};
pub use upstream::{
    ServerInfo, UpstreamCall, UpstreamClient, UpstreamError, UpstreamEvents, UpstreamReply,
    UpstreamSession,
};

/// An adapter's own error, kept for the log and never shown to a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A stream on the heap.
pub type BoxStream<T> = std::pin::Pin<Box<dyn futures_core::Stream<Item = T> + Send>>;
