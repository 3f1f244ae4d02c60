//! What every `RateLimiter` must do. The clock is tokio's, paused.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::limiter::GcraLimiter;
use dynamic_mcp::domain::tool::ToolName;
use dynamic_mcp::domain::{GuardLimits, Scope};
use dynamic_mcp::ports::RateLimiter;
use tokio::time::advance;

/// Makes a limiter of `calls` in `window`.
type Make = fn(u32, Duration) -> Arc<dyn RateLimiter>;

const MINUTE: Duration = Duration::from_mins(1);

fn scope(n: usize) -> Scope {
    Scope::dynamic(&ToolName::parse(&format!("tool{n:04}")).unwrap())
}

fn allowed(limiter: &dyn RateLimiter, scope: &Scope, tries: usize) -> usize {
    (0..tries).filter(|_| limiter.check(scope).is_ok()).count()
}

async fn a_whole_window_is_there_at_once_from_idle(make: Make) {
    let limiter = make(300, MINUTE);
    assert_eq!(allowed(&*limiter, &scope(0), 400), 300);
    advance(MINUTE).await;
    assert_eq!(allowed(&*limiter, &scope(0), 400), 300);
    advance(MINUTE * 60).await;
    assert_eq!(allowed(&*limiter, &scope(0), 400), 300, "idle time is not saved up");
}

async fn it_refills_evenly(make: Make) {
    let limiter = make(60, MINUTE);
    assert_eq!(allowed(&*limiter, &scope(0), 100), 60);
    for _ in 0..10 {
        advance(Duration::from_secs(1)).await;
        assert_eq!(allowed(&*limiter, &scope(0), 10), 1);
    }
    advance(Duration::from_secs(15)).await;
    assert_eq!(allowed(&*limiter, &scope(0), 100), 15);
}

async fn a_refusal_says_when_and_keeps_its_word(make: Make) {
    let limiter = make(7, Duration::from_millis(900));
    assert_eq!(allowed(&*limiter, &scope(0), 7), 7);
    for _ in 0..20 {
        let wait = limiter.check(&scope(0)).unwrap_err();
        assert!(!wait.is_zero() && wait <= Duration::from_millis(900 / 7 + 2), "{wait:?}");
        advance(wait).await;
        assert_eq!(limiter.check(&scope(0)), Ok(()));
    }
}

async fn refusals_cost_nothing(make: Make) {
    let limiter = make(2, Duration::from_secs(2));
    allowed(&*limiter, &scope(0), 1_000);
    advance(Duration::from_secs(2)).await;
    assert_eq!(allowed(&*limiter, &scope(0), 10), 2);
}

async fn scopes_are_counted_apart(make: Make) {
    let limiter = make(3, MINUTE);
    assert_eq!(allowed(&*limiter, &scope(0), 10), 3);
    assert_eq!(allowed(&*limiter, &scope(1), 10), 3);
    assert_eq!(allowed(&*limiter, &Scope::builtin("run_js_ephemeral"), 10), 3);
}

async fn the_extremes_of_the_settings_hold(make: Make) {
    let limiter = make(1_000_000, Duration::from_millis(1));
    assert_eq!(allowed(&*limiter, &scope(0), 1_000), 1_000);
    let limiter = make(1, Duration::from_hours(24));
    assert_eq!(allowed(&*limiter, &scope(0), 10), 1);
    let wait = limiter.check(&scope(0)).unwrap_err();
    assert!(wait > Duration::from_hours(23) && wait <= Duration::from_hours(24), "{wait:?}");
    let limiter = make(1_000_000, Duration::from_hours(24));
    assert_eq!(allowed(&*limiter, &scope(0), 1_000_010), 1_000_000);
}

async fn no_call_gets_in_twice_under_races(make: Make) {
    // So slow a refill that the time the threads take gives nothing back.
    let limiter = make(500, Duration::from_hours(24));
    let total: usize = std::thread::scope(|threads| {
        let running: Vec<_> =
            (0..4).map(|_| threads.spawn(|| allowed(&*limiter, &scope(0), 400))).collect();
        running.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(total, 500);
}

macro_rules! rate_limiter_contract {
    ($name:ident, $make:expr) => {
        rate_limiter_contract!(@each $name, $make,
            a_whole_window_is_there_at_once_from_idle,
            it_refills_evenly,
            a_refusal_says_when_and_keeps_its_word,
            refusals_cost_nothing,
            scopes_are_counted_apart,
            the_extremes_of_the_settings_hold,
            no_call_gets_in_twice_under_races,
        );
    };
    (@each $name:ident, $make:expr, $($case:ident,)*) => {
        mod $name {
            $(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    super::$case($make).await;
                }
            )*
        }
    };
}

fn limits(calls: u32, window: Duration) -> GuardLimits {
    GuardLimits { max_calls_per_window: calls, window, ..GuardLimits::default() }
}

rate_limiter_contract!(gcra, |calls, window| {
    std::sync::Arc::new(super::GcraLimiter::new(super::limits(calls, window)))
});

#[tokio::test(start_paused = true)]
async fn idle_scopes_are_forgotten() {
    let limiter = GcraLimiter::new(limits(10, Duration::from_secs(1)));
    for n in 0..50_000 {
        assert_eq!(limiter.check(&scope(n)), Ok(()));
        advance(Duration::from_millis(1)).await;
    }
    // Each scope is as good as new after 0.1 s, that is after 100 calls here.
    assert!(limiter.scopes() <= 2_048, "{}", limiter.scopes());
    assert_eq!(allowed(&limiter, &scope(1), 20), 10);
}
