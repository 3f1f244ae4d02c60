//! The execution guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dynamic_mcp::app::Gate;
use dynamic_mcp::domain::{GuardLimits, RejectionKind, Scope};
use dynamic_mcp::ports::RateLimiter;
use dynamic_mcp::ports::metrics::NoMetrics;

/// Lets a number of calls in, whatever the scope.
struct Allowance(AtomicU32);

impl RateLimiter for Allowance {
    fn check(&self, _: &Scope) -> Result<(), Duration> {
        let take =
            self.0.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        take.map(drop).map_err(|_| Duration::from_secs(7))
    }
}

fn gate(max_concurrency: u32, allowance: u32) -> Gate {
    let limits = GuardLimits { max_concurrency, ..GuardLimits::default() };
    Gate::new(limits, Arc::new(Allowance(allowance.into())), Arc::new(NoMetrics))
}

#[test]
fn counts_what_it_lets_in_and_what_it_refuses() {
    let gate = gate(2, 3);
    let scope = Scope::builtin("a");
    let first = gate.enter(&scope).unwrap();
    let second = gate.enter(&scope).unwrap();
    assert_eq!(gate.active(), 2);
    let busy = gate.enter(&scope).err().unwrap();
    assert_eq!(busy.kind, RejectionKind::Concurrency);
    first.failed();
    drop((first, second));
    assert_eq!(gate.active(), 0);

    let third = gate.enter(&scope).unwrap();
    drop(third);
    let rate = gate.enter(&scope).err().unwrap();
    assert_eq!((rate.kind, rate.retry_after), (RejectionKind::Rate, Duration::from_secs(7)));
    assert!(rate.to_string().contains("7000 ms"), "{rate}");

    let tally = gate.tallies()[0].1;
    assert_eq!((tally.total, tally.allowed, tally.failed), (5, 3, 1));
    assert_eq!((tally.rejected_rate, tally.rejected_concurrency), (1, 1));
}

#[test]
fn a_call_refused_for_others_does_not_use_up_its_own_allowance() {
    let gate = gate(1, 2);
    let running = gate.enter(&Scope::builtin("a")).unwrap();
    for _ in 0..10 {
        assert!(gate.enter(&Scope::builtin("b")).is_err());
    }
    drop(running);
    assert!(gate.enter(&Scope::builtin("b")).is_ok());
}

#[test]
fn a_call_refused_by_the_rate_gives_its_slot_back() {
    let gate = gate(1, 0);
    for _ in 0..3 {
        assert_eq!(gate.enter(&Scope::builtin("a")).err().unwrap().kind, RejectionKind::Rate);
    }
    assert_eq!(gate.active(), 0);
}

#[test]
fn forgets_what_is_gone() {
    let gate = gate(1, 9);
    drop(gate.enter(&Scope::builtin("a")));
    gate.forget(&Scope::builtin("a"));
    assert!(gate.tallies().is_empty());
}
