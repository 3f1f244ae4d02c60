//! The log: to stderr only, because stdout belongs to the stdio transport.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::app::config::{LogFormat, Telemetry};

/// An SDK target that reports every stream that is open at the end as an error; it is none.
const NOISE: &str = "rmcp=warn,rmcp::service=off";

/// Starts the log, for panics too. The first one started in a process wins.
pub fn init(telemetry: &Telemetry) {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("(no words)");
        tracing::error!(place, said, "a part of the server panicked");
    }));
    let filter = EnvFilter::new(format!("{},{NOISE}", telemetry.log_level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(BoxMakeWriter::new(std::io::stderr));
    let terminal = std::io::stderr().is_terminal();
    let pretty = match telemetry.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // Already started: an embedder's own subscriber stays.
    if pretty {
        subscriber.with_ansi(terminal).with_target(false).try_init().ok();
    } else {
        subscriber.json().flatten_event(true).try_init().ok();
    }
}
