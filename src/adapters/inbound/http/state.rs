//! What every route shares.

use std::sync::Arc;

use super::options::HttpOptions;
use super::probes::Readiness;
use super::rebinding::Rebinding;
use super::sessions::SessionTable;
use crate::app::Lifecycle;
use crate::ports::{HttpMetrics, Ids};

/// What every route shares.
pub(super) struct Shared {
    pub options: HttpOptions,
    pub rebinding: Rebinding,
    pub sessions: Arc<SessionTable>,
    pub lifecycle: Lifecycle,
    pub ids: Arc<dyn Ids>,
    pub metrics: Arc<dyn HttpMetrics>,
    pub readiness: Readiness,
}
