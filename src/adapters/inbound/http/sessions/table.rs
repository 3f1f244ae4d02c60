//! Which sessions there are, whose they are, and whether anything goes on in them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ports::HttpMetrics;

/// A session's id, as in the header `Mcp-Session-Id`.
pub(in super::super) type SessionId = Arc<str>;

/// A token's subject; `None` where there is no token.
pub(in super::super) type Subject = Option<Arc<str>>;

/// Every session of this process, and how many there may be.
pub(in super::super) struct SessionTable {
    inner: Mutex<Inner>,
    max: usize,
    metrics: Arc<dyn HttpMetrics>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<SessionId, Arc<Session>>,
    /// Places promised to sessions that are being made.
    reserved: usize,
}

/// One session.
#[derive(Debug)]
pub(in super::super) struct Session {
    owner: Subject,
    /// Requests being judged, open streams and running calls.
    busy: AtomicUsize,
    /// Running calls.
    calls: AtomicUsize,
    last_used: Mutex<Instant>,
    /// Cancelled when the session has ended: its streams end too.
    ended: CancellationToken,
}

/// What looking a session up came to.
#[derive(Debug)]
pub(in super::super) enum Lookup {
    /// It is there and the caller's own; it is in use as long as this is kept.
    Found(Busy),
    /// It is there, but somebody else's.
    Foreign,
    /// It is not there.
    Unknown,
}

impl SessionTable {
    pub(in super::super) fn new(max: usize, metrics: Arc<dyn HttpMetrics>) -> Self {
        Self { inner: Mutex::default(), max, metrics }
    }

    /// Looks a session up for a caller.
    pub(in super::super) fn look_up(&self, id: &str, subject: &Subject) -> Lookup {
        let inner = self.lock();
        match inner.sessions.get(id) {
            None => Lookup::Unknown,
            Some(session) if session.owner != *subject => Lookup::Foreign,
            Some(session) => Lookup::Found(session.busy()),
        }
    }

    /// Promises a place to a session that is about to be made; `None` if all are taken.
    pub(in super::super) fn reserve(self: &Arc<Self>, owner: Subject) -> Option<Reservation> {
        let mut inner = self.lock();
        if inner.sessions.len() + inner.reserved >= self.max {
            return None;
        }
        inner.reserved += 1;
        Some(Reservation { table: Arc::clone(self), owner })
    }

    /// Any session, whoever's.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(id).cloned()
    }

    /// Takes a session out that is ending.
    pub(super) fn remove(&self, id: &str) {
        let removed = self.lock().sessions.remove(id);
        if let Some(session) = removed {
            session.ended.cancel();
            self.metrics.session_closed(false);
        }
    }

    /// Takes out every session in which nothing has gone on for `ttl`.
    pub(super) fn remove_idle(&self, ttl: Duration) -> Vec<SessionId> {
        let now = Instant::now();
        let mut idle = Vec::new();
        self.lock().sessions.retain(|id, session| {
            let keep = session.busy.load(Ordering::Acquire) > 0
                || now.saturating_duration_since(session.last_used()) < ttl;
            if !keep {
                session.ended.cancel();
                idle.push(Arc::clone(id));
            }
            keep
        });
        for _ in &idle {
            self.metrics.session_closed(true);
        }
        idle
    }

    /// Whether there is such a session, whoever's.
    pub(in super::super) fn contains(&self, id: &str) -> bool {
        self.lock().sessions.contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a session, given back when dropped unless [`filled`](Self::fill).
pub(in super::super) struct Reservation {
    table: Arc<SessionTable>,
    owner: Subject,
}

impl Reservation {
    /// The session is there.
    pub(super) fn fill(self, id: SessionId) -> Arc<Session> {
        let session = Arc::new(Session {
            owner: self.owner.clone(),
            busy: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
            ended: CancellationToken::new(),
        });
        self.table.lock().sessions.insert(id, Arc::clone(&session));
        self.table.metrics.session_opened();
        session
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.table.lock().reserved -= 1;
    }
}

impl Session {
    /// How many of its calls run.
    pub(in super::super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Something goes on in it as long as this is kept.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// A call runs as long as this is kept.
    pub(super) fn call(self: &Arc<Self>) -> RunningCall {
        self.calls.fetch_add(1, Ordering::Relaxed);
        RunningCall(self.busy())
    }

    /// Completes when it has ended.
    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    fn last_used(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a session from being idle.
#[derive(Debug)]
pub(in super::super) struct Busy(Arc<Session>);

impl Busy {
    /// The session.
    pub(in super::super) fn session(&self) -> &Session {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // First the time, then the count: whoever sees nothing going on sees the time too.
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A running call of a session.
#[derive(Debug)]
pub(super) struct RunningCall(Busy);

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
