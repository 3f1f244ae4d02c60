//! Contract suites: what every implementation of a port must do.

mod attachment_store;
#[cfg(any(feature = "file", feature = "postgres"))]
mod background;
#[cfg(feature = "embedded")]
pub(crate) mod engine;
mod mailbox;
#[cfg(feature = "mcp")]
mod rate_limiter;
#[cfg(feature = "mcp")]
mod schema_check;
mod session_store;
mod tool_store;
