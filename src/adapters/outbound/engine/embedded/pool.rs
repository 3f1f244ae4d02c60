//! Ready workers and those who wait for one.
//!
//! The pool knows how many there should be and asks its supplier for the difference; where they come from
//! (a fork server, spawned processes) is the supplier's matter.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::process::Worker;
use super::walls::Walls;
use crate::ports::Strength;

/// How many ready workers to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spares {
    /// While nothing runs.
    pub idle: usize,
    /// At most, however much runs.
    pub most: usize,
}

impl Default for Spares {
    fn default() -> Self {
        Self { idle: 4, most: 16 }
    }
}

/// Whether there are workers to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not yet, or not again yet.
    Starting,
    /// Yes, behind these walls.
    Serving(Walls),
    /// No, and there won't be: why.
    Closed(String),
}

/// How many workers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// By somebody who waits.
    pub(super) awaited: usize,
    /// For later.
    pub(super) spare: usize,
}

/// See the module.
pub(super) struct Pool {
    spares: Spares,
    state: Mutex<State>,
    demand: Notify,
}

struct State {
    phase: Phase,
    walls: Option<Walls>,
    ready: VecDeque<Worker>,
    waiting: VecDeque<oneshot::Sender<Worker>>,
    ordered: usize,
    running: usize,
}

/// A worker that has left the pool; while it lives, the pool keeps one more in reserve.
pub(super) struct Lease {
    /// The worker.
    pub(super) worker: Worker,
    pool: Arc<Pool>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.lock().running -= 1;
    }
}

impl Pool {
    /// An empty one.
    pub(super) fn new(spares: Spares) -> Arc<Self> {
        Arc::new(Self {
            spares,
            state: Mutex::new(State {
                phase: Phase::Starting,
                walls: None,
                ready: VecDeque::new(),
                waiting: VecDeque::new(),
                ordered: 0,
                running: 0,
            }),
            demand: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No method panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a worker, waiting for one where there is none. `Err` says why there can't be one.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease, String> {
        let queued = {
            let mut state = self.lock();
            if let Phase::Closed(why) = &state.phase {
                return Err(why.clone());
            }
            if let Some(worker) = state.ready.pop_front() {
                Ok(worker)
            } else {
                let (sender, receiver) = oneshot::channel();
                state.waiting.push_back(sender);
                Err(receiver)
            }
        };
        self.demand.notify_one();
        let worker = match queued {
            Ok(worker) => worker,
            Err(receiver) => match receiver.await {
                Ok(worker) => worker,
                Err(_) => return Err(self.closed_because()),
            },
        };
        self.lock().running += 1;
        Ok(Lease { worker, pool: Arc::clone(self) })
    }

    fn closed_because(&self) -> String {
        match &self.lock().phase {
            Phase::Closed(why) => why.clone(),
            Phase::Starting | Phase::Serving(_) => "its workers can't be started".to_owned(),
        }
    }

    /// Waits until more workers may be wanted.
    pub(super) async fn demanded(&self) {
        self.demand.notified().await;
    }

    /// How many to make now; the caller owes them from here on.
    pub(super) fn order(&self) -> Order {
        let mut state = self.lock();
        state.waiting.retain(|waiting| !waiting.is_closed());
        let coming = state.ready.len() + state.ordered;
        let awaited = state.waiting.len().saturating_sub(coming);
        let missing = (state.waiting.len() + self.target(&state)).saturating_sub(coming);
        state.ordered += missing;
        Order { awaited, spare: missing.saturating_sub(awaited) }
    }

    fn target(&self, state: &State) -> usize {
        (self.spares.idle + state.running).min(self.spares.most)
    }

    /// A worker that was owed.
    pub(super) fn supply(&self, worker: Worker) {
        let mut state = self.lock();
        state.ordered = state.ordered.saturating_sub(1);
        let mut worker = worker;
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(worker) {
                Ok(()) => return,
                Err(back) => worker = back,
            }
        }
        if !matches!(state.phase, Phase::Closed(_)) {
            state.ready.push_back(worker);
        }
    }

    /// A worker that was owed and can't be made.
    pub(super) fn fail_order(&self) {
        let mut state = self.lock();
        state.ordered = state.ordered.saturating_sub(1);
    }

    /// A worker has died before it was wanted.
    #[cfg(target_os = "linux")]
    pub(super) fn discard(&self, id: u64) {
        self.lock().ready.retain(|worker| worker.id != id);
        self.demand.notify_one();
    }

    /// Lets go of workers beyond those that should be ready now.
    pub(super) fn trim(&self) {
        let mut state = self.lock();
        let target = self.target(&state);
        state.ready.truncate(target);
    }

    /// There is a supplier, behind these walls.
    pub(super) fn serving(&self, walls: Walls) {
        let mut state = self.lock();
        if state.walls.as_ref() != Some(&walls) {
            let (strength, detail) = (walls.strength(), walls.describe());
            if strength == Strength::Full {
                tracing::info!(strength = strength.as_str(), detail, "the sandbox stands");
            } else {
                tracing::warn!(strength = strength.as_str(), detail, "the sandbox lacks a layer");
            }
        }
        state.walls = Some(walls.clone());
        state.phase = Phase::Serving(walls);
        self.demand.notify_one();
    }

    /// The supplier has gone, and what it made with it. Who waits goes on waiting for the next.
    #[cfg(target_os = "linux")]
    pub(super) fn orphaned(&self) {
        let mut state = self.lock();
        state.ready.clear();
        state.ordered = 0;
        if matches!(state.phase, Phase::Serving(_)) {
            state.phase = Phase::Starting;
        }
    }

    /// The next supplier takes over from one that still serves what it has made.
    #[cfg(target_os = "linux")]
    pub(super) fn succeed(&self, walls: Walls) {
        {
            let mut state = self.lock();
            state.ready.clear();
            state.ordered = 0;
        }
        self.serving(walls);
    }

    /// There won't be any more workers.
    pub(super) fn close(&self, why: String) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Closed(_)) {
            state.phase = Phase::Closed(why);
        }
        state.ready.clear();
        state.waiting.clear();
    }

    /// Where it stands, and the walls as they were last seen.
    pub(super) fn phase(&self) -> (Phase, Option<Walls>) {
        let state = self.lock();
        (state.phase.clone(), state.walls.clone())
    }

    /// Ready workers, for tests and health.
    pub(super) fn ready(&self) -> usize {
        self.lock().ready.len()
    }
}
