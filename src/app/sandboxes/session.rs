//! One session: whose it is, and since when it is idle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SandboxView;
use crate::domain::Caller;
use crate::domain::image::ContainerImage;
use crate::domain::sandbox::SandboxId;
use crate::ports::{Clock, Sandbox};

/// A place among the most that there may be.
pub(super) enum Slot {
    /// Taken by one that is being started.
    Starting,
    Ready(Arc<Session>),
}

pub(super) struct Session {
    pub(super) made: Made,
    /// Cancelled when it is stopped, or the server is: whatever runs in it ends.
    pub(super) stopped: CancellationToken,
    created_at: DateTime<Utc>,
    used: Mutex<Used>,
}

/// What a session is made of.
pub(super) struct Made {
    pub(super) id: SandboxId,
    /// The subject of who made it.
    pub(super) owner: Option<Arc<str>>,
    pub(super) image: ContainerImage,
    /// After how long without use it ends.
    pub(super) idle: Duration,
    pub(super) sandbox: Arc<dyn Sandbox>,
}

struct Used {
    /// Requests that use it now.
    by: usize,
    at: DateTime<Utc>,
    since: Instant,
}

/// A request that uses a session, which is not idle meanwhile.
pub(super) struct Using(pub(super) Arc<Session>, Arc<dyn Clock>);

impl Using {
    /// Begins.
    pub(super) fn new(session: Arc<Session>, clock: Arc<dyn Clock>) -> Self {
        session.used().by += 1;
        Self(session, clock)
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        let mut used = self.0.used();
        used.by -= 1;
        used.at = self.1.now();
        used.since = Instant::now();
    }
}

impl Slot {
    pub(super) const fn ready(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Starting => None,
            Self::Ready(session) => Some(session),
        }
    }
}

impl Session {
    /// One that was made and used now.
    pub(super) fn new(made: Made, now: DateTime<Utc>, stopped: CancellationToken) -> Self {
        let used = Mutex::new(Used { by: 0, at: now, since: Instant::now() });
        Self { made, stopped, created_at: now, used }
    }

    /// Whether it is this caller's.
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        self.made.owner == caller.subject
    }

    /// Whether it was idle for too long, or ended by itself.
    pub(super) fn is_over(&self) -> bool {
        let used = self.used();
        self.made.sandbox.has_ended() || (used.by == 0 && used.since.elapsed() >= self.made.idle)
    }

    /// As its owner sees it.
    pub(super) fn view(&self) -> SandboxView {
        SandboxView {
            id: self.made.id.clone(),
            image: self.made.image.clone(),
            idle: self.made.idle,
            created_at: self.created_at,
            last_used_at: self.used().at,
        }
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
