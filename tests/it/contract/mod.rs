//! Contract suites: what every implementation of a port must do.

mod rate_limiter;
mod tool_store;
