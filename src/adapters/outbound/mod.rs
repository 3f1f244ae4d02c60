//! Outbound adapters: each implements a port with crates of its own, and knows no other adapter.

#[cfg(feature = "mcp")]
pub mod audit;
#[cfg(feature = "http")]
pub mod auth;
pub mod clock;
#[cfg(feature = "docker")]
pub mod docker;
pub mod engine;
pub mod fakes;
#[cfg(all(feature = "mcp", target_os = "linux", target_env = "gnu"))]
pub mod heap;
#[cfg(feature = "mcp")]
pub mod limiter;
#[cfg(feature = "mcp")]
pub mod schema_check;
pub mod store;
pub mod telemetry;
#[cfg(feature = "upstream")]
pub mod upstream;
