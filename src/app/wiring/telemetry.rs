//! The log, to stderr only, because stdout belongs to the stdio transport; and where traces go.

use std::io::IsTerminal as _;

use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::WiringError;
use crate::app::config::{LogFormat, Telemetry};

/// Targets of the SDK: one reports every stream that is open at the end as an error, which it is not; those of its
/// client over HTTP name URLs with their queries, which may hold secrets, and what they report comes as an error too.
/// And those of the database's driver, which tells of each idle connection that was lost: our own line tells once.
const NOISE: &str = "rmcp=warn,rmcp::service=off,rmcp::transport::worker=off,\
    rmcp::transport::streamable_http_client=off,rmcp::transport::common=off,sqlx=warn";

type BoxLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts the log, for panics too, and the export of traces where that is asked for. The first one started in
/// a process wins.
pub fn init(telemetry: &Telemetry) -> Result<(), WiringError> {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("(no words)");
        tracing::error!(place, said, "a part of the server panicked");
    }));
    let mut layers = vec![log(telemetry)];
    layers.extend(export::layer(telemetry)?);
    // Already started: an embedder's own subscriber stays.
    tracing_subscriber::registry().with(layers).try_init().ok();
    Ok(())
}

fn log(telemetry: &Telemetry) -> BoxLayer {
    let filter = EnvFilter::new(format!("{},{NOISE}", telemetry.log_level));
    let layer = tracing_subscriber::fmt::layer().with_writer(BoxMakeWriter::new(std::io::stderr));
    let terminal = std::io::stderr().is_terminal();
    let pretty = match telemetry.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    if pretty {
        layer.with_ansi(terminal).with_target(false).with_filter(filter).boxed()
    } else {
        layer.json().flatten_event(true).with_filter(filter).boxed()
    }
}

/// Sends what is left of the traces, for a short time only.
pub(super) async fn flush() {
    export::flush().await;
}

#[cfg(feature = "otlp")]
mod export {
    use std::sync::OnceLock;
    use std::time::Duration;

    use super::{BoxLayer, Telemetry, WiringError};
    use crate::adapters::outbound::clock::RandomIds;
    use crate::adapters::outbound::telemetry::otlp::{Otlp, W3cTraces};
    use crate::app::System;
    use crate::ports::{Ids as _, traces};
    use tracing_subscriber::Layer as _;

    /// How long the end of the server waits for the collector.
    const FLUSH: Duration = Duration::from_secs(3);

    /// One for the process, as the subscriber is.
    static EXPORT: OnceLock<Otlp> = OnceLock::new();

    pub(super) fn layer(telemetry: &Telemetry) -> Result<Option<BoxLayer>, WiringError> {
        let Some(endpoint) = &telemetry.otlp_endpoint else { return Ok(None) };
        let otlp = Otlp::new(endpoint, System::SERVICE, System::VERSION, RandomIds.uuid())
            .map_err(|error| WiringError::start(&*error))?;
        traces::install(Box::new(W3cTraces));
        Ok(Some(EXPORT.get_or_init(|| otlp).layer().boxed()))
    }

    pub(super) async fn flush() {
        let Some(otlp) = EXPORT.get().cloned() else { return };
        let flushed = tokio::task::spawn_blocking(move || otlp.shutdown(FLUSH)).await;
        if let Ok(Err(error)) = flushed {
            tracing::warn!(%error, "not every trace could be exported");
        }
    }
}

#[cfg(not(feature = "otlp"))]
mod export {
    use super::{BoxLayer, Telemetry, WiringError};
    use crate::app::config::{ConfigError, telemetry::OTLP_ENDPOINT};

    pub(super) fn layer(telemetry: &Telemetry) -> Result<Option<BoxLayer>, WiringError> {
        if telemetry.otlp_endpoint.is_none() {
            return Ok(None);
        }
        let asked = OTLP_ENDPOINT.name.to_owned();
        Err(ConfigError::NotCompiled { asked, feature: "otlp" }.into())
    }

    #[expect(clippy::unused_async, reason = "its twin with the feature waits")]
    pub(super) async fn flush() {}
}
