//! Where measurements go: to Prometheus where HTTP is compiled in, else nowhere.

use std::sync::Arc;

use super::WiringError;
use crate::ports::Metrics;

/// The one taker of measurements, in each of its roles.
#[derive(Clone)]
pub struct Measurements {
    #[cfg(feature = "http")]
    prometheus: Arc<crate::adapters::outbound::telemetry::prometheus::PrometheusMetrics>,
}

#[cfg(feature = "http")]
impl Measurements {
    pub(super) fn new() -> Result<Self, WiringError> {
        use crate::adapters::outbound::telemetry::prometheus::PrometheusMetrics;
        let prometheus = PrometheusMetrics::new().map_err(|error| WiringError::start(&*error))?;
        Ok(Self { prometheus: Arc::new(prometheus) })
    }

    pub(super) fn calls(&self) -> Arc<dyn Metrics> {
        Arc::clone(&self.prometheus) as Arc<dyn Metrics>
    }

    pub(super) fn http(&self) -> Arc<dyn crate::ports::HttpMetrics> {
        Arc::clone(&self.prometheus) as Arc<dyn crate::ports::HttpMetrics>
    }
}

#[cfg(not(feature = "http"))]
impl Measurements {
    #[expect(clippy::unnecessary_wraps, reason = "the other build's can fail")]
    pub(super) const fn new() -> Result<Self, WiringError> {
        Ok(Self {})
    }

    pub(super) fn calls(&self) -> Arc<dyn Metrics> {
        Arc::new(crate::ports::metrics::NoMetrics)
    }
}
