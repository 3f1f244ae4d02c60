//! The rate limit per scope, by the generic cell rate algorithm (GCRA) as `governor` implements it.
//!
//! A scope that is idle may spend its whole window at once; from then on its allowance comes back one call
//! at a time, evenly. One number a scope is kept, and none for a scope that is idle: what is as good as new
//! is swept out by the calls themselves, so that no task has to run for it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter as Governor};
use tokio::time::Instant;

use crate::domain::{GuardLimits, Scope};
use crate::ports::RateLimiter;

/// Fewest calls between two sweeps.
const SWEEP_EVERY: usize = 1_024;

/// A GCRA cell for each scope that is in use.
pub struct GcraLimiter {
    cells: Governor<Scope, DashMapStateStore<Scope>, Monotonic, NoOpMiddleware<Nanos>>,
    clock: Monotonic,
    /// Calls since the last sweep.
    calls: AtomicUsize,
    /// The number of calls that brings the next sweep: at least as many as there were scopes after the last
    /// one, which spreads its cost to O(1) a call.
    sweep_at: AtomicUsize,
}

impl GcraLimiter {
    /// A limiter that lets `max_calls_per_window` calls of a scope through in a `window`. A limit of 0 is
    /// taken as 1, a window of 0 as the shortest there is.
    pub fn new(limits: GuardLimits) -> Self {
        let burst = NonZeroU32::new(limits.max_calls_per_window).unwrap_or(NonZeroU32::MIN);
        let refill = (limits.window / burst.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(refill)
            .unwrap_or_else(|| Quota::per_second(burst))
            .allow_burst(burst);
        let clock = Monotonic(Instant::now());
        Self {
            cells: Governor::dashmap_with_clock(quota, clock),
            clock,
            calls: AtomicUsize::new(0),
            sweep_at: AtomicUsize::new(SWEEP_EVERY),
        }
    }

    /// Scopes that are remembered just now: those used lately, and some idle ones until the next sweep.
    pub fn scopes(&self) -> usize {
        self.cells.len()
    }

    fn sweep_when_due(&self) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        // Whoever takes the count sweeps; the others, who then find less, go on.
        if calls >= self.sweep_at.load(Ordering::Relaxed)
            && self.calls.swap(0, Ordering::Relaxed) >= calls
        {
            self.cells.retain_recent();
            let next = self.cells.len().max(SWEEP_EVERY);
            self.sweep_at.store(next, Ordering::Relaxed);
        }
    }
}

impl RateLimiter for GcraLimiter {
    fn check(&self, scope: &Scope) -> Result<(), Duration> {
        self.sweep_when_due();
        self.cells.check_key(scope).map_err(|refused| {
            // The clock has gone on since the refusal; "retry in 0 ns" would be no advice.
            refused.wait_time_from(self.clock.now()).max(Duration::from_millis(1))
        })
    }
}

/// Nanoseconds since the limiter was made, on tokio's clock, which tests can pause.
#[derive(Debug, Clone, Copy)]
struct Monotonic(Instant);

impl Clock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
