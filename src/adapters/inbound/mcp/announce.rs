//! Tells every session and every subscription that the list of tools has changed.
//!
//! One task follows the catalogue. A change that comes alone is told almost at once; of a burst the rest
//! becomes one announcement.
//! Nothing on the path of a change waits for a client: each session is told by a task of its own, at most one
//! at a time, and subscriptions follow at their own pace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::{Peer, SubscriptionContext};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::{App, Lifecycle};

/// A change after which none follows for this long has come alone.
const ALONE: Duration = Duration::from_millis(1);
/// No further change for this long ends a burst.
const QUIET: Duration = Duration::from_millis(20);
/// A burst that doesn't end is announced after this long.
const LONGEST_BURST: Duration = Duration::from_millis(250);
/// Sessions registered before dead ones are first looked for.
const FIRST_SWEEP: usize = 64;

/// Everybody who is told.
pub(super) struct Audience {
    lifecycle: Lifecycle,
    sessions: Mutex<Sessions>,
    /// Counts announcements; subscriptions follow it.
    announced: watch::Sender<u64>,
}

struct Sessions {
    live: Vec<Arc<Listener>>,
    sweep_at: usize,
}

/// A session of a revision that is told without having asked.
struct Listener {
    peer: Peer<RoleServer>,
    /// A task is telling it.
    busy: AtomicBool,
    /// There is news that it has not been told.
    behind: AtomicBool,
}

impl Audience {
    /// Follows the catalogue's changes until the lifecycle stops.
    pub(super) fn follow(app: &App, lifecycle: Lifecycle) -> Arc<Self> {
        let metrics = Arc::clone(&app.metrics);
        let mut changes = app.catalog.changes();
        let sessions = Mutex::new(Sessions { live: Vec::new(), sweep_at: FIRST_SWEEP });
        let audience = Arc::new(Self { lifecycle, sessions, announced: watch::Sender::default() });
        let speaker = Arc::clone(&audience);
        changes.mark_unchanged();
        audience.lifecycle.tasks.spawn(async move {
            let stopped = speaker.lifecycle.stopped.clone();
            stopped
                .run_until_cancelled(async {
                    let mut last = None::<Instant>;
                    while changes.changed().await.is_ok() {
                        let goes_on = last.is_some_and(|last| last.elapsed() < LONGEST_BURST);
                        end_of_burst(&mut changes, goes_on).await;
                        metrics.notified(speaker.announce());
                        last = Some(Instant::now());
                    }
                })
                .await;
        });
        audience
    }

    /// From now on this session is told.
    pub(super) fn join(&self, peer: Peer<RoleServer>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.live.len() >= sessions.sweep_at {
            sessions.live.retain(|listener| !listener.peer.is_transport_closed());
            sessions.sweep_at = FIRST_SWEEP.max(sessions.live.len() * 2);
        }
        sessions.live.push(Arc::new(Listener {
            peer,
            busy: AtomicBool::new(false),
            behind: AtomicBool::new(false),
        }));
    }

    /// Serves one subscription until it is cancelled or the server drains.
    pub(super) async fn subscription(&self, context: &SubscriptionContext) {
        let mut announced = self.announced.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return,
                () = self.lifecycle.draining.cancelled() => return,
                news = announced.changed() => {
                    if news.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Tells everybody; returns how many that are.
    fn announce(&self) -> usize {
        self.announced.send_modify(|count| *count += 1);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.live.retain(|listener| !listener.peer.is_transport_closed());
        let told = sessions.live.len() + self.announced.receiver_count();
        tracing::debug!(told, "the list of tools has changed");
        for listener in &sessions.live {
            listener.behind.store(true, Ordering::Release);
            if !listener.busy.swap(true, Ordering::AcqRel) {
                let listener = Arc::clone(listener);
                let stopped = self.lifecycle.stopped.clone();
                self.lifecycle.tasks.spawn(async move {
                    stopped.run_until_cancelled(listener.tell()).await;
                });
            }
        }
        told
    }
}

impl Listener {
    /// Tells it, again if there is news meanwhile.
    async fn tell(&self) {
        loop {
            while self.behind.swap(false, Ordering::AcqRel) {
                if self.peer.notify_tool_list_changed().await.is_err() {
                    // The session is gone; nobody needs to try again.
                    return;
                }
            }
            self.busy.store(false, Ordering::Release);
            let came_between = self.behind.load(Ordering::Acquire);
            if !came_between || self.busy.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

/// `goes_on`: the change belongs to a burst of which something was told already.
async fn end_of_burst(changes: &mut watch::Receiver<u64>, goes_on: bool) {
    let latest = Instant::now() + LONGEST_BURST;
    let mut pause = if goes_on { QUIET } else { ALONE };
    loop {
        let quiet = (Instant::now() + pause).min(latest);
        match tokio::time::timeout_at(quiet, changes.changed()).await {
            Ok(Ok(())) if Instant::now() < latest => pause = QUIET,
            _ => return,
        }
    }
}
