//! What every route shares.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::bearer::Authenticator;
use super::body::Room;
use super::options::HttpOptions;
use super::probes::Readiness;
use super::rebinding::Rebinding;
use super::sessions::{SessionTable, SharedSessions};
use crate::app::Lifecycle;
use crate::ports::{HttpMetrics, Ids};

/// What every route shares.
pub(super) struct Shared {
    pub options: HttpOptions,
    /// What large bodies share.
    pub room: Room,
    pub rebinding: Rebinding,
    /// `None`: nobody is asked for a credential.
    pub authenticator: Option<Authenticator>,
    pub sessions: Arc<SessionTable>,
    /// Sessions that move between replicas, where there is a store for them.
    pub fleet: Option<Arc<SharedSessions>>,
    pub lifecycle: Lifecycle,
    /// Cancelled once the server has stopped and the calls that were stopped with it are answered: every
    /// stream ends now.
    pub over: CancellationToken,
    pub ids: Arc<dyn Ids>,
    pub metrics: Arc<dyn HttpMetrics>,
    pub readiness: Readiness,
}

impl Shared {
    /// Cancelled at the next stage of the server's end. What begins when the server is draining already is
    /// there to hear so, or to bring what a running call waits for: it ends when everything does.
    pub(super) fn next_end(&self) -> &CancellationToken {
        let Lifecycle { draining, stopped, .. } = &self.lifecycle;
        if draining.is_cancelled() { stopped } else { draining }
    }
}
