//! Telemetry: measurements and traces, and where they go.

#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "http")]
pub mod prometheus;
