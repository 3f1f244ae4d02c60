//! Traces, exported by OTLP (protobuf over HTTP).
//!
//! Spans are handed to a thread of their own through a bounded queue: a collector that is slow or away costs
//! spans, never a call. What the environment says in the standard's own variables (`OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`) holds.

use std::any::Any;
use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::ports::BoxError;
use crate::ports::traces::{TraceContext, Traces};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// The exporter. Cheap to clone.
#[derive(Clone)]
pub struct Otlp {
    provider: SdkTracerProvider,
}

impl Otlp {
    /// Exports to the collector at this endpoint, under its path `v1/traces`. `instance`: what tells this
    /// process from others of the same service.
    pub fn new(
        endpoint: &Url,
        service: &'static str,
        version: &'static str,
        instance: String,
    ) -> Result<Self, BoxError> {
        let endpoint = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        let mut resource = Resource::builder().with_attributes([
            KeyValue::new("service.version", version),
            KeyValue::new("service.instance.id", instance),
        ]);
        // The SDK's own default is a name for services that nobody named.
        let named = Resource::builder()
            .build()
            .get(&"service.name".into())
            .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
        if !named {
            resource = resource.with_service_name(service);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Self { provider })
    }

    /// The layer that takes the spans of this crate, and the graver of its events.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("dynamic-mcp"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // The span that is entered is the exporter's current context: W3cTraces stands on that.
            .with_context_activation(true)
            .with_filter(filter_fn(is_told))
    }

    /// Sends what is left. Blocks for at most `time`; afterwards nothing is exported any more.
    pub fn shutdown(&self, time: Duration) -> Result<(), OTelSdkError> {
        self.provider.shutdown_with_timeout(time)
    }
}

fn is_told(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().starts_with("dynamic_mcp");
    let least = if metadata.is_span() { tracing::Level::DEBUG } else { tracing::Level::WARN };
    ours && *metadata.level() <= least
}

/// The companion of the layer.
pub struct W3cTraces;

impl Traces for W3cTraces {
    fn enter(&self, caller: &TraceContext) -> Box<dyn Any> {
        let mut carrier = HashMap::from([(PARENT.to_owned(), caller.parent.clone())]);
        carrier.extend(caller.state.clone().map(|state| (STATE.to_owned(), state)));
        // What is no valid context leaves the current one as it is.
        Box::new(TraceContextPropagator::new().extract(&carrier).attach())
    }

    fn current(&self) -> Option<TraceContext> {
        let mut carrier: HashMap<String, String> = HashMap::new();
        TraceContextPropagator::new().inject(&mut carrier);
        let state = carrier.remove(STATE).filter(|state| !state.is_empty());
        Some(TraceContext { parent: carrier.remove(PARENT)?, state })
    }
}
