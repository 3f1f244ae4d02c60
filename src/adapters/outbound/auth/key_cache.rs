//! Keeps the issuer's keys, and refreshes them: at intervals, and when a token names a key that is not there.
//!
//! While the issuer's server is away the old keys go on being used, for a day. What requests may cause at
//! that server is bounded: one fetch at a time, and a pause after each. A token whose key is not there waits
//! for the next fetch, so that nobody is refused for a key that was published a moment ago.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch::Source;
use super::key_set::KeySet;
use super::verified::VerifiedTokens;

/// Most tokens at once that wait for a fetch: whoever makes up keys can't make this hold more.
const MAX_WAITING: usize = 1_000;

/// When keys are fetched.
#[derive(Debug, Clone, Copy)]
pub struct KeyTimes {
    /// How long one fetch may take. Default 5 s.
    pub fetch: Duration,
    /// After how long keys are fetched anew. Default 5 min.
    pub refresh: Duration,
    /// The pause after a fetch before an unknown key may cause the next. Default 5 s.
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
            pause: Duration::from_secs(5),
            retry: Duration::from_secs(30),
            stale: Duration::from_hours(24),
        }
    }
}

/// Keys, when they were fetched, and what was found good with them.
pub(super) struct Published {
    pub(super) keys: KeySet,
    pub(super) verified: VerifiedTokens,
    at: Instant,
}

/// How fetching goes.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Fetches that have ended.
    rounds: u64,
    /// Whether the last of them brought keys.
    went_well: bool,
    /// From when on an unknown key causes a fetch; `None`: one is under way.
    from: Option<Instant>,
}

/// The keys of one issuer.
pub(super) struct KeyCache {
    published: ArcSwapOption<Published>,
    progress: watch::Sender<Progress>,
    asked: Notify,
    waiting: Semaphore,
    times: KeyTimes,
}

impl KeyCache {
    pub(super) fn new(times: KeyTimes) -> Self {
        Self {
            published: ArcSwapOption::empty(),
            progress: watch::Sender::new(Progress { rounds: 0, went_well: false, from: None }),
            asked: Notify::new(),
            waiting: Semaphore::new(MAX_WAITING),
            times,
        }
    }

    /// The keys, if they may be used.
    pub(super) fn published(&self) -> Option<Arc<Published>> {
        let published = self.published.load();
        let published = published.as_ref()?;
        (published.at.elapsed() < self.times.stale).then(|| Arc::clone(published))
    }

    /// Waits for the fetch that is under way, or asks for the next that may be and waits for that. Says whether it
    /// began after this was called, so that it brought every key that had been published by then; `None` if it
    /// brought none, or is too far off to be waited for.
    pub(super) async fn refreshed(&self) -> Option<bool> {
        let _place = self.waiting.try_acquire().ok()?;
        let mut progress = self.progress.subscribe();
        let Progress { rounds, from, .. } = *progress.borrow_and_update();
        let now = Instant::now();
        let begins = from.unwrap_or(now).max(now);
        if begins - now > self.times.pause {
            return None;
        }
        if from.is_some() {
            self.asked.notify_one();
        }
        let next = progress.wait_for(|progress| progress.rounds > rounds);
        let next = tokio::time::timeout_at(begins + self.times.fetch * 2, next).await.ok()?;
        next.ok()?.went_well.then_some(from.is_some())
    }

    /// Fetches now, and again whenever it is time, until the server stops.
    pub(super) async fn tend(self: Arc<Self>, source: Source, stopped: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            self.progress.send_modify(|progress| progress.from = None);
            let Some(outcome) = stopped.run_until_cancelled(source.fetch()).await else { return };
            let now = Instant::now();
            let went_well = outcome.is_ok();
            let (until, from) = match outcome {
                Ok(keys) => {
                    if failures > 0 {
                        tracing::info!("the issuer's keys can be fetched again");
                    }
                    failures = 0;
                    let verified = VerifiedTokens::new();
                    let published = Published { keys, verified, at: now };
                    self.published.store(Some(Arc::new(published)));
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
                progress.went_well = went_well;
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
