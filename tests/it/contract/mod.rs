//! Contract suites: what every implementation of a port must do.

#[cfg(feature = "embedded")]
mod engine;
mod rate_limiter;
mod tool_store;
