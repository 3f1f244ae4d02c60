//! Where measurements go: to Prometheus where HTTP is compiled in, else nowhere.

use std::sync::Arc;

use super::WiringError;
use crate::app::Engines;
use crate::ports::Metrics;

/// The one taker of measurements, in each of its roles.
#[derive(Clone)]
pub struct Measurements {
    /// Of calls and of the store.
    pub(super) calls: Arc<dyn Metrics>,
    /// Of the HTTP transport.
    #[cfg(feature = "http")]
    pub(super) http: Arc<dyn crate::ports::HttpMetrics>,
}

impl Measurements {
    #[cfg(feature = "http")]
    pub(super) fn new(engines: &Engines) -> Result<Self, WiringError> {
        use crate::adapters::outbound::telemetry::prometheus::PrometheusMetrics;
        let prometheus = PrometheusMetrics::new().map_err(|error| WiringError::start(&*error))?;
        let pools = engines.clone();
        prometheus.watch_pools(move || pools.spare_sandboxes());
        let prometheus = Arc::new(prometheus);
        Ok(Self { calls: prometheus.clone(), http: prometheus })
    }

    #[cfg(not(feature = "http"))]
    #[expect(clippy::unnecessary_wraps, reason = "the other build's can fail")]
    pub(super) fn new(_: &Engines) -> Result<Self, WiringError> {
        Ok(Self { calls: Arc::new(crate::ports::metrics::NoMetrics) })
    }
}
