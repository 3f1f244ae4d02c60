//! The execution guard: how many calls at once, and how many of each scope in a window.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{GuardLimits, Rejection, RejectionKind, Scope, ScopeTally};
use crate::ports::{Metrics, RateLimiter};

/// When to try again after a refusal for concurrency. A slot is free when any call ends; most take
/// milliseconds, and a client that waits this long is not hammering.
const BUSY_RETRY: Duration = Duration::from_millis(100);

/// One for the whole process. Refuses at once, never queues; every operation is O(1).
pub struct Gate {
    limits: GuardLimits,
    slots: Arc<Semaphore>,
    rate: Arc<dyn RateLimiter>,
    metrics: Arc<dyn Metrics>,
    tallies: RwLock<HashMap<Scope, Arc<Counters>>>,
}

#[derive(Default)]
struct Counters {
    total: AtomicU64,
    allowed: AtomicU64,
    rejected_rate: AtomicU64,
    rejected_concurrency: AtomicU64,
    failed: AtomicU64,
}

/// A call that was let in. Its slot is free again when this is dropped.
pub struct Permit {
    counters: Arc<Counters>,
    slots: Arc<Semaphore>,
    slot: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Permit {
    /// Counts the call as failed.
    pub fn failed(&self) {
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives the slot back, for a wait that may be long and does nothing meanwhile.
    pub fn pause(&self) {
        self.slot().take();
    }

    /// Has a slot again; waits until one is free, since the call was let in already.
    pub async fn resume(&self) {
        if self.slot().is_some() {
            return;
        }
        // Nobody closes the semaphore.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        *self.slot() = slot;
    }

    fn slot(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// A gate with these limits; `rate` was made with the same ones.
    pub fn new(limits: GuardLimits, rate: Arc<dyn RateLimiter>, metrics: Arc<dyn Metrics>) -> Self {
        let slots = usize::try_from(limits.max_concurrency).unwrap_or(usize::MAX);
        Self {
            limits,
            slots: Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
            rate,
            metrics,
            tallies: RwLock::default(),
        }
    }

    /// Lets a call of this scope in, or says why not and when to try again.
    pub fn enter(&self, scope: &Scope) -> Result<Permit, Rejection> {
        let _span = tracing::debug_span!("guard", guard.scope = scope.as_str()).entered();
        let counters = self.counters(scope);
        counters.total.fetch_add(1, Ordering::Relaxed);
        // The slot comes first: a call refused because others run must not use up its scope's allowance.
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            counters.rejected_concurrency.fetch_add(1, Ordering::Relaxed);
            return Err(self.reject(RejectionKind::Concurrency, BUSY_RETRY));
        };
        if let Err(retry_after) = self.rate.check(scope) {
            counters.rejected_rate.fetch_add(1, Ordering::Relaxed);
            return Err(self.reject(RejectionKind::Rate, retry_after));
        }
        counters.allowed.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { counters, slots: Arc::clone(&self.slots), slot: Mutex::new(Some(slot)) })
    }

    /// The configured limits.
    pub const fn limits(&self) -> GuardLimits {
        self.limits
    }

    /// Calls that run now.
    pub fn active(&self) -> usize {
        let all = usize::try_from(self.limits.max_concurrency).unwrap_or(usize::MAX);
        all.min(Semaphore::MAX_PERMITS).saturating_sub(self.slots.available_permits())
    }

    /// Every scope's tally, sorted by scope.
    pub fn tallies(&self) -> Vec<(Scope, ScopeTally)> {
        let tallies = self.tallies.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            tallies.iter().map(|(scope, counters)| (scope.clone(), counters.view())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Drops a scope that will not be used again, so that tools made and deleted in a loop leave nothing.
    pub fn forget(&self, scope: &Scope) {
        self.tallies.write().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }

    fn reject(&self, kind: RejectionKind, retry_after: Duration) -> Rejection {
        self.metrics.rejected(kind);
        Rejection { kind, retry_after }
    }

    fn counters(&self, scope: &Scope) -> Arc<Counters> {
        let tallies = self.tallies.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = tallies.get(scope) {
            return Arc::clone(counters);
        }
        drop(tallies);
        let mut tallies = self.tallies.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tallies.entry(scope.clone()).or_default())
    }
}

impl Counters {
    fn view(&self) -> ScopeTally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ScopeTally {
            total: read(&self.total),
            allowed: read(&self.allowed),
            rejected_rate: read(&self.rejected_rate),
            rejected_concurrency: read(&self.rejected_concurrency),
            failed: read(&self.failed),
        }
    }
}
