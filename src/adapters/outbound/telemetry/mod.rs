//! Telemetry: measurements and where they go.

#[cfg(feature = "http")]
pub mod prometheus;
