//! Outbound adapters: each implements a port with crates of its own, and knows no other adapter.

pub mod clock;
pub mod engine;
#[cfg(feature = "mcp")]
pub mod limiter;
#[cfg(feature = "mcp")]
pub mod schema_check;
pub mod store;
pub mod telemetry;
