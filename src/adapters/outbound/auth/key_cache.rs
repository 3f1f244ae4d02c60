//! Keeps the issuer's keys, and refreshes them: at intervals, and when a token names a key that is not there.
//!
//! While the issuer's server is away the old keys go on being used, for a day. What requests may cause at
//! that server is bounded: one fetch at a time, and a pause after each.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch::Source;
use super::key_set::KeySet;

/// When keys are fetched.
#[derive(Debug, Clone, Copy)]
pub struct KeyTimes {
    /// How long one fetch may take. Default 5 s.
    pub fetch: Duration,
    /// After how long keys are fetched anew. Default 5 min.
    pub refresh: Duration,
    /// The pause after a fetch before an unknown key may cause the next. Default 10 s.
    pub pause: Duration,
    /// The longest pause between attempts that fail; the first is a hundredth. Default 30 s.
    pub retry: Duration,
    /// How long keys are used that can't be refreshed. Default 24 h.
    pub stale: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(5),
            refresh: Duration::from_mins(5),
            pause: Duration::from_secs(10),
            retry: Duration::from_secs(30),
            stale: Duration::from_hours(24),
        }
    }
}

/// Keys, and when they were fetched.
struct Fetched {
    keys: Arc<KeySet>,
    at: Instant,
}

/// How fetching goes.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Fetches that have ended.
    rounds: u64,
    /// From when on an unknown key causes a fetch; `None`: one is under way.
    from: Option<Instant>,
}

/// The keys of one issuer.
pub(super) struct KeyCache {
    fetched: ArcSwapOption<Fetched>,
    progress: watch::Sender<Progress>,
    asked: Notify,
    times: KeyTimes,
}

impl KeyCache {
    pub(super) fn new(times: KeyTimes) -> Self {
        Self {
            fetched: ArcSwapOption::empty(),
            progress: watch::Sender::new(Progress { rounds: 0, from: None }),
            asked: Notify::new(),
            times,
        }
    }

    /// The keys, if they may be used.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref()?;
        (fetched.at.elapsed() < self.times.stale).then(|| Arc::clone(&fetched.keys))
    }

    /// Waits for the fetch that is under way, or for one of its own if it is time for that; false if not.
    pub(super) async fn refreshed(&self) -> bool {
        let mut progress = self.progress.subscribe();
        let Progress { rounds, from } = *progress.borrow_and_update();
        match from {
            Some(from) if Instant::now() < from => return false,
            Some(_) => self.asked.notify_one(),
            None => {}
        }
        let next = progress.wait_for(|progress| progress.rounds > rounds);
        matches!(tokio::time::timeout(self.times.fetch * 2, next).await, Ok(Ok(_)))
    }

    /// Fetches now, and again whenever it is time, until the server stops.
    pub(super) async fn tend(self: Arc<Self>, source: Source, stopped: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            self.progress.send_modify(|progress| progress.from = None);
            let Some(outcome) = stopped.run_until_cancelled(source.fetch()).await else { return };
            let now = Instant::now();
            let (until, from) = match outcome {
                Ok(keys) => {
                    if failures > 0 {
                        tracing::info!("the issuer's keys can be fetched again");
                    }
                    failures = 0;
                    self.fetched.store(Some(Arc::new(Fetched { keys: Arc::new(keys), at: now })));
                    (now + self.times.refresh, now + self.times.pause)
                }
                Err(reason) => {
                    tracing::warn!(reason, "the issuer's keys could not be fetched");
                    let first = self.times.retry / 100;
                    let pause = first.saturating_mul(1 << failures.min(10)).min(self.times.retry);
                    failures = failures.saturating_add(1);
                    (now + pause, now + pause)
                }
            };
            self.progress.send_modify(|progress| {
                progress.rounds += 1;
                progress.from = Some(from);
            });
            tokio::select! {
                () = stopped.cancelled() => return,
                () = tokio::time::sleep_until(until) => {}
                () = self.asked_after(from) => {}
            }
        }
    }

    /// Waits until `from`, and then until somebody has asked.
    async fn asked_after(&self, from: Instant) {
        tokio::time::sleep_until(from).await;
        self.asked.notified().await;
    }
}
