//! What the server says of itself while it runs.

use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
use super::values::Values;

/// `MCP_LOG_LEVEL`.
pub static LOG_LEVEL: Setting = Setting::word(
    "MCP_LOG_LEVEL",
    &["off", "error", "warn", "info", "debug", "trace"],
    "The least grave messages that are logged, to standard error",
)
.or("info");
/// `MCP_LOG_FORMAT`.
pub static LOG_FORMAT: Setting = Setting::word(
    "MCP_LOG_FORMAT",
    &["auto", "pretty", "json"],
    "How messages are written. `auto`: for people on a terminal, else JSON",
)
.or("auto");
/// `OTEL_EXPORTER_OTLP_ENDPOINT`.
pub static OTLP_ENDPOINT: Setting =
    Setting::of(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        Kind::Url,
        "Where traces are sent: an OpenTelemetry collector (OTLP as protobuf over HTTP, usually at port 4318), below \
         whose path `v1/traces` is added. The standard's other variables, such as `OTEL_SERVICE_NAME`, \
         `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_TRACES_SAMPLER`, hold too where they are in the environment",
    )
        .or_note("nowhere");

pub(super) static SECTION: Section = Section {
    title: "Logs and traces",
    about: "Metrics need no setting: over HTTP they are at `/metrics`.",
    settings: &[&LOG_LEVEL, &LOG_FORMAT, &OTLP_ENDPOINT],
};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, else JSON.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// `MCP_LOG_LEVEL`: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: &'static str,
    /// `MCP_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp_endpoint: Option<Url>,
}

impl Telemetry {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            log_level: values.word(&LOG_LEVEL)?,
            log_format: match values.word(&LOG_FORMAT)? {
                "pretty" => LogFormat::Pretty,
                "json" => LogFormat::Json,
                _ => LogFormat::Auto,
            },
            otlp_endpoint: values.url(&OTLP_ENDPOINT)?,
        })
    }
}
