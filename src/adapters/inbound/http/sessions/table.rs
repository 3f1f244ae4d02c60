//! Which sessions there are, and how many there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::session::{Busy, Session, Subject};
use crate::ports::{HttpMetrics, SessionKey};

/// Every session of this process.
pub(in super::super) struct SessionTable {
    inner: Mutex<Inner>,
    max: usize,
    metrics: Arc<dyn HttpMetrics>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<SessionKey, Arc<Session>>,
    /// Places promised to sessions that are being made.
    reserved: usize,
}

/// What stands for the session with this id.
pub(in super::super) fn key_of(id: &str) -> SessionKey {
    SessionKey::new(Sha256::digest(id).into())
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
    pub(in super::super) fn look_up(&self, key: &SessionKey, subject: &Subject) -> Lookup {
        match self.lock().sessions.get(key) {
            None => Lookup::Unknown,
            Some(session) if session.owner() != subject => Lookup::Foreign,
            Some(session) => Lookup::Found(session.busy()),
        }
    }

    /// Whether there is such a session, whoever's.
    pub(in super::super) fn contains(&self, key: &SessionKey) -> bool {
        self.lock().sessions.contains_key(key)
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
    pub(super) fn get(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.lock().sessions.get(key).cloned()
    }

    /// Ends a session.
    pub(in super::super) fn remove(&self, key: &SessionKey) {
        let removed = self.lock().sessions.remove(key);
        if let Some(session) = removed {
            session.end();
            self.metrics.session_closed(false);
        }
    }

    /// Ends every session in which nothing has gone on for `ttl`, and says how many.
    pub(super) fn remove_idle(&self, ttl: Duration) -> usize {
        let now = Instant::now();
        let idle: Vec<_> = self
            .lock()
            .sessions
            .extract_if(|_, session| {
                session
                    .idle_since()
                    .is_some_and(|since| now.saturating_duration_since(since) >= ttl)
            })
            .collect();
        for (_, session) in &idle {
            session.end();
            self.metrics.session_closed(true);
        }
        idle.len()
    }

    /// The sessions of the store in which something has gone on after `since`, each with how long it has been
    /// idle.
    pub(super) fn used_since(&self, since: Option<Instant>) -> Vec<(SessionKey, Duration)> {
        let now = Instant::now();
        let inner = self.lock();
        let kept = inner.sessions.iter().filter(|(_, session)| session.is_kept());
        let used = kept.filter_map(|(key, session)| match (session.idle_since(), since) {
            (None, _) => Some((*key, Duration::ZERO)),
            (Some(last), Some(since)) if last <= since => None,
            (Some(last), _) => Some((*key, now.saturating_duration_since(last))),
        });
        used.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a session, given back when dropped.
pub(in super::super) struct Reservation {
    table: Arc<SessionTable>,
    owner: Subject,
}

impl Reservation {
    /// Whose session it will be.
    pub(super) fn owner(&self) -> &Subject {
        &self.owner
    }

    /// The session is there.
    pub(super) fn fill(self, key: SessionKey, session: Arc<Session>) {
        self.table.lock().sessions.insert(key, session);
        self.table.metrics.session_opened();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.table.lock().reserved -= 1;
    }
}
