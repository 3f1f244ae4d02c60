//! Measurements, taken with OpenTelemetry and shown in the Prometheus text format.
//!
//! | name | kind | labels |
//! | --- | --- | --- |
//! | `dynamic_mcp_process_uptime_seconds` | gauge | |
//! | `dynamic_mcp_http_sessions_active` | gauge | |
//! | `dynamic_mcp_http_sessions_created_total` | counter | |
//! | `dynamic_mcp_http_sessions_expired_total` | counter | |
//! | `dynamic_mcp_http_auth_success_total` | counter | |
//! | `dynamic_mcp_http_auth_denied_total` | counter | |
//! | `dynamic_mcp_call_duration_seconds` | histogram | `tool`, `engine`, `outcome` (`ok` or an error code) |
//! | `dynamic_mcp_sandbox_start_duration_seconds` | histogram | `engine`: how long runs waited for their sandbox |
//! | `dynamic_mcp_sandbox_pool_ready` | gauge | `engine` |
//! | `dynamic_mcp_rejections_total` | counter | `kind`: `rate`, `concurrency` |
//! | `dynamic_mcp_store_duration_seconds` | histogram | `operation`, `outcome`: `ok`, `error` |
//! | `dynamic_mcp_store_available` | gauge | |
//! | `dynamic_mcp_store_connects_total` | counter | |
//! | `dynamic_mcp_list_changes_total` | counter | |
//! | `dynamic_mcp_list_change_notifications_total` | counter | |
//! | `dynamic_mcp_audit_events_total` | counter | `outcome`: `written`, `lost` |
//! | `dynamic_mcp_audit_failing` | gauge | |
//!
//! The first six have the names of the Node project, so that its dashboards go on working.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, MeterProvider as _, UpDownCounter};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use tokio::time::Instant;

use crate::domain::tool::EngineKind;
use crate::domain::{ErrorCode, RejectionKind};
use crate::ports::{BoxError, HttpMetrics, Metrics};

/// Most tools that have a label of their own; the others share [`OTHER_TOOLS`]. Whoever may create tools
/// could otherwise make the exposition as large as they like.
const MAX_TOOL_LABELS: usize = 200;

/// The label of the tools that came too late.
const OTHER_TOOLS: &str = "_other";

/// Upper bounds of the calls' buckets, in seconds.
const CALL_BUCKETS: [f64; 11] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Upper bounds of the buckets for the start of a sandbox, in seconds: from a pool's to a container's.
const START_BUCKETS: [f64; 9] = [0.0001, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds of the store's buckets, in seconds.
const STORE_BUCKETS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1.0, 5.0];

/// Takes every measurement of the process.
pub struct PrometheusMetrics {
    registry: Registry,
    /// Keeps the instruments alive.
    provider: SdkMeterProvider,
    tools: RwLock<HashMap<Box<str>, Arc<str>>>,
    calls: Histogram<f64>,
    starts: Histogram<f64>,
    rejections: Counter<u64>,
    store: Histogram<f64>,
    store_available: Gauge<u64>,
    store_connects: Counter<u64>,
    list_changes: Counter<u64>,
    notifications: Counter<u64>,
    sessions_active: UpDownCounter<i64>,
    sessions_created: Counter<u64>,
    sessions_expired: Counter<u64>,
    auth_success: Counter<u64>,
    auth_denied: Counter<u64>,
    audit_events: Counter<u64>,
    audit_failing: Gauge<u64>,
}

impl PrometheusMetrics {
    /// Starts at zero, and starts the clock of the uptime. An error is a defect.
    pub fn new() -> Result<Self, BoxError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let meter = provider.meter("dynamic-mcp");
        let started = Instant::now();
        let _uptime = meter
            .f64_observable_gauge("dynamic_mcp_process_uptime_seconds")
            .with_description("Seconds since the process started.")
            .with_callback(move |gauge| gauge.observe(started.elapsed().as_secs_f64(), &[]))
            .build();
        // The exporter adds `_total` to counters, and the unit's name to histograms.
        let counter = |name: &'static str, description: &'static str| {
            let counter = meter.u64_counter(name).with_description(description).build();
            counter.add(0, &[]);
            counter
        };
        let histogram = |name: &'static str, description: &'static str, buckets: &[f64]| {
            meter
                .f64_histogram(name)
                .with_description(description)
                .with_unit("s")
                .with_boundaries(buckets.to_vec())
                .build()
        };
        let sessions_active = meter
            .i64_up_down_counter("dynamic_mcp_http_sessions_active")
            .with_description("HTTP sessions that are open.")
            .build();
        sessions_active.add(0, &[]);
        let rejections = meter
            .u64_counter("dynamic_mcp_rejections")
            .with_description("Calls refused by the execution guard.")
            .build();
        for kind in [RejectionKind::Rate, RejectionKind::Concurrency] {
            rejections.add(0, &[KeyValue::new("kind", kind_label(kind))]);
        }
        let store_available = meter
            .u64_gauge("dynamic_mcp_store_available")
            .with_description("0 while the database that holds the registry does not answer.")
            .build();
        store_available.record(1, &[]);
        let audit_events = meter
            .u64_counter("dynamic_mcp_audit_events")
            .with_description("Events for the audit log: written, or lost for want of room.")
            .build();
        for outcome in ["written", "lost"] {
            audit_events.add(0, &[KeyValue::new("outcome", outcome)]);
        }
        let audit_failing = meter
            .u64_gauge("dynamic_mcp_audit_failing")
            .with_description("1 while the audit log can't be written.")
            .build();
        audit_failing.record(0, &[]);
        Ok(Self {
            audit_events,
            audit_failing,
            registry,
            tools: RwLock::default(),
            calls: histogram(
                "dynamic_mcp_call_duration",
                "How long calls of dynamic tools took.",
                &CALL_BUCKETS,
            ),
            starts: histogram(
                "dynamic_mcp_sandbox_start_duration",
                "How long runs waited for their sandbox.",
                &START_BUCKETS,
            ),
            rejections,
            store: histogram(
                "dynamic_mcp_store_duration",
                "How long the registry's store took.",
                &STORE_BUCKETS,
            ),
            store_available,
            store_connects: counter(
                "dynamic_mcp_store_connects",
                "How often the database was connected to: first, and after it was away.",
            ),
            list_changes: counter(
                "dynamic_mcp_list_changes",
                "Changes of the list of tools that were announced.",
            ),
            notifications: counter(
                "dynamic_mcp_list_change_notifications",
                "Sessions and streams that were told of a change of the list.",
            ),
            sessions_active,
            sessions_created: counter(
                "dynamic_mcp_http_sessions_created",
                "HTTP sessions that were opened.",
            ),
            sessions_expired: counter(
                "dynamic_mcp_http_sessions_expired",
                "HTTP sessions that were closed because they were idle.",
            ),
            auth_success: counter(
                "dynamic_mcp_http_auth_success",
                "Credentials that were accepted.",
            ),
            auth_denied: counter("dynamic_mcp_http_auth_denied", "Credentials that were refused."),
            provider,
        })
    }

    /// Shows how many sandboxes stand ready, as `count` says whenever somebody looks.
    pub fn watch_pools(
        &self,
        count: impl Fn() -> Vec<(EngineKind, usize)> + Send + Sync + 'static,
    ) {
        let _pools = self
            .provider
            .meter("dynamic-mcp")
            .u64_observable_gauge("dynamic_mcp_sandbox_pool_ready")
            .with_description("Sandboxes that stand ready for runs to come.")
            .with_callback(move |gauge| {
                for (engine, ready) in count() {
                    gauge.observe(ready as u64, &[KeyValue::new("engine", engine.as_str())]);
                }
            })
            .build();
    }

    /// The tool's label: its name, as long as there are not too many.
    fn tool_label(&self, tool: &str) -> Arc<str> {
        let known = self.tools.read().unwrap_or_else(PoisonError::into_inner).get(tool).cloned();
        if let Some(label) = known {
            return label;
        }
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        if tools.len() >= MAX_TOOL_LABELS {
            return OTHER_TOOLS.into();
        }
        Arc::clone(tools.entry(tool.into()).or_insert_with(|| tool.into()))
    }
}

fn kind_label(kind: RejectionKind) -> &'static str {
    match kind {
        RejectionKind::Rate => "rate",
        RejectionKind::Concurrency => "concurrency",
    }
}

impl PrometheusMetrics {
    fn called(&self, tool: &str, engine: &'static str, outcome: Option<ErrorCode>, took: Duration) {
        let labels = [
            KeyValue::new("tool", self.tool_label(tool)),
            KeyValue::new("engine", engine),
            KeyValue::new("outcome", outcome.map_or("ok", ErrorCode::as_str)),
        ];
        self.calls.record(took.as_secs_f64(), &labels);
    }
}

impl Metrics for PrometheusMetrics {
    fn call(&self, tool: &str, engine: EngineKind, outcome: Option<ErrorCode>, took: Duration) {
        self.called(tool, engine.as_str(), outcome, took);
    }

    fn mounted_call(&self, tool: &str, outcome: Option<ErrorCode>, took: Duration) {
        self.called(tool, "upstream", outcome, took);
    }

    fn sandbox_started(&self, engine: EngineKind, took: Duration) {
        self.starts.record(took.as_secs_f64(), &[KeyValue::new("engine", engine.as_str())]);
    }

    fn rejected(&self, kind: RejectionKind) {
        self.rejections.add(1, &[KeyValue::new("kind", kind_label(kind))]);
    }

    fn store(&self, operation: &'static str, ok: bool, took: Duration) {
        let labels = [
            KeyValue::new("operation", operation),
            KeyValue::new("outcome", if ok { "ok" } else { "error" }),
        ];
        self.store.record(took.as_secs_f64(), &labels);
    }

    fn store_available(&self, available: bool) {
        self.store_available.record(u64::from(available), &[]);
        self.store_connects.add(u64::from(available), &[]);
    }

    fn notified(&self, receivers: usize) {
        self.list_changes.add(1, &[]);
        self.notifications.add(receivers as u64, &[]);
    }

    fn audit_written(&self, events: u64) {
        self.audit_events.add(events, &[KeyValue::new("outcome", "written")]);
    }

    fn audit_lost(&self) {
        self.audit_events.add(1, &[KeyValue::new("outcome", "lost")]);
    }

    fn audit_failing(&self, failing: bool) {
        self.audit_failing.record(u64::from(failing), &[]);
    }
}

impl HttpMetrics for PrometheusMetrics {
    fn session_opened(&self) {
        self.sessions_created.add(1, &[]);
        self.sessions_active.add(1, &[]);
    }

    fn session_closed(&self, expired: bool) {
        self.sessions_active.add(-1, &[]);
        if expired {
            self.sessions_expired.add(1, &[]);
        }
    }

    fn authenticated(&self, accepted: bool) {
        let counter = if accepted { &self.auth_success } else { &self.auth_denied };
        counter.add(1, &[]);
    }

    fn exposition(&self) -> Result<String, BoxError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}
