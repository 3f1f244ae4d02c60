//! Containers that wait for their call, of each kind that is used.
//!
//! A call takes one that waits, and where none does, has one made for it at once. What was taken is made up for
//! in the background, by one task that stands back while anybody waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::container::Ready;
use super::launch::{Kind, LaunchError, Launcher};

/// A container that has waited this long is replaced.
const OLDEST: Duration = Duration::from_mins(10);
/// Containers of a kind that nobody has used for this long are let go.
const UNUSED: Duration = Duration::from_mins(10);
/// Containers of so many kinds are kept, as far as their number goes.
const KINDS: usize = 4;
/// The first and the longest wait after a container could not be made.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// See the module.
pub(super) struct Pool {
    launcher: Arc<Launcher>,
    tasks: TaskTracker,
    spares: usize,
    state: Mutex<State>,
    /// A container has been added, or the pool was closed.
    added: Notify,
    /// A container has been taken.
    taken: Notify,
}

#[derive(Default)]
struct State {
    shelves: HashMap<Kind, Shelf>,
    /// Calls that wait for a container.
    waiting: usize,
    closed: bool,
}

/// The containers of a kind.
struct Shelf {
    ready: VecDeque<(Instant, Ready)>,
    used: Instant,
    /// Kept however long nobody has used it.
    permanent: bool,
    back_off: Duration,
    not_before: Instant,
}

impl Shelf {
    fn new(permanent: bool) -> Self {
        let now = Instant::now();
        let ready = VecDeque::new();
        Self { ready, used: now, permanent, back_off: BACK_OFF.0, not_before: now }
    }
}

/// Counts a call as waiting while it lives.
struct Waiting<'a>(&'a Pool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl Pool {
    /// Keeps `spares` containers of each kind ready.
    pub(super) fn new(launcher: Arc<Launcher>, tasks: TaskTracker, spares: usize) -> Arc<Self> {
        let (added, taken) = (Notify::new(), Notify::new());
        Arc::new(Self { launcher, tasks, spares, state: Mutex::default(), added, taken })
    }

    /// Keeps containers of this kind ready although nobody has asked for one, and of no other.
    pub(super) fn always(&self, kind: &Kind) {
        let mut state = self.lock();
        for (other, shelf) in &mut state.shelves {
            shelf.permanent = other == kind;
        }
        if !state.closed && !state.shelves.contains_key(kind) {
            state.shelves.insert(kind.clone(), Shelf::new(true));
            self.taken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No method panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container for one call, or `None` after the end.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        kind: &Kind,
    ) -> Option<Result<Ready, LaunchError>> {
        self.lock().waiting += 1;
        let _waiting = Waiting(self);
        let turn = loop {
            let added = self.added.notified();
            if self.lock().closed {
                return None;
            }
            if let Some(container) = self.take(kind) {
                return Some(Ok(container));
            }
            tokio::select! {
                turn = self.launcher.turn() => break turn?,
                () = added => {}
            }
        };
        // Goes on if the call is given up meanwhile: what a daemon has begun can't be called back.
        let (sender, made) = oneshot::channel();
        let (pool, kind) = (Arc::clone(self), kind.clone());
        self.tasks.spawn(async move {
            let launched = pool.launcher.launch(&kind).await;
            drop(turn);
            if let Err(Ok(container)) = sender.send(launched) {
                pool.put(&kind, container);
            }
        });
        made.await.ok()
    }

    /// Keeps one for later, where there is room.
    fn put(&self, kind: &Kind, container: Ready) {
        let mut state = self.lock();
        let closed = state.closed;
        if let Some(shelf) = state.shelves.get_mut(kind)
            && !closed
            && shelf.ready.len() < self.spares
        {
            shelf.ready.push_back((Instant::now(), container));
            self.added.notify_waiters();
        }
    }

    /// One that waits, if any does.
    fn take(&self, kind: &Kind) -> Option<Ready> {
        let mut state = self.lock();
        let shelf = state.shelves.entry(kind.clone()).or_insert_with(|| Shelf::new(false));
        shelf.used = Instant::now();
        self.taken.notify_one();
        while let Some((_, mut container)) = shelf.ready.pop_front() {
            if container.waits() {
                return Some(container);
            }
        }
        None
    }

    /// Keeps containers ready until the pool is closed, looking for dead ones at each `tick`.
    pub(super) async fn keep_filled(&self, tick: Duration) {
        while !self.lock().closed {
            self.tidy();
            match self.wanted() {
                Some(kind) => self.fill(kind).await,
                None => {
                    tokio::select! {
                        () = self.taken.notified() => {}
                        () = tokio::time::sleep(tick) => {}
                    }
                }
            }
        }
    }

    /// Makes one container for later.
    async fn fill(&self, kind: Kind) {
        let made = match self.launcher.turn().await {
            Some(_turn) => self.launcher.launch(&kind).await,
            None => return,
        };
        match made {
            Ok(container) => {
                self.launcher.watch.accept();
                if let Some(shelf) = self.lock().shelves.get_mut(&kind) {
                    shelf.back_off = BACK_OFF.0;
                }
                self.put(&kind, container);
            }
            Err(error) => {
                tracing::debug!(%error, image = %kind.image, "no container could be made ready");
                let mut state = self.lock();
                let Some(shelf) = state.shelves.get_mut(&kind) else { return };
                shelf.not_before = Instant::now() + shelf.back_off;
                shelf.back_off = (shelf.back_off * 2).min(BACK_OFF.1);
                if !matches!(error, LaunchError::Docker(_)) {
                    self.launcher.watch.refuse(error.to_string());
                }
                self.launcher.watch.doubt();
            }
        }
    }

    /// The kind that lacks a container the most, where one should be made now.
    fn wanted(&self) -> Option<Kind> {
        let state = self.lock();
        if state.closed || state.waiting > 0 {
            return None;
        }
        let total: usize = state.shelves.values().map(|shelf| shelf.ready.len()).sum();
        if total >= self.spares * KINDS {
            return None;
        }
        let now = Instant::now();
        state
            .shelves
            .iter()
            .filter(|(_, shelf)| shelf.ready.len() < self.spares && shelf.not_before <= now)
            .max_by_key(|(_, shelf)| shelf.used)
            .map(|(kind, _)| kind.clone())
    }

    /// Lets go of what is dead, old or of no use any more.
    fn tidy(&self) {
        let mut state = self.lock();
        for shelf in state.shelves.values_mut() {
            shelf
                .ready
                .retain_mut(|(since, container)| since.elapsed() < OLDEST && container.waits());
        }
        state.shelves.retain(|_, shelf| shelf.permanent || shelf.used.elapsed() < UNUSED);
        while state.shelves.len() > KINDS {
            let oldest = state
                .shelves
                .iter()
                .filter(|(_, shelf)| !shelf.permanent)
                .min_by_key(|(_, shelf)| shelf.used)
                .map(|(kind, _)| kind.clone());
            match oldest {
                Some(kind) => drop(state.shelves.remove(&kind)),
                None => break,
            }
        }
    }

    /// Has the containers that are missing made now: the daemon is there again.
    pub(super) fn hurry(&self) {
        for shelf in self.lock().shelves.values_mut() {
            shelf.not_before = Instant::now();
        }
        self.taken.notify_one();
    }

    /// Ends it, and every container that waits.
    #[expect(clippy::mutable_key_type, reason = "a kind is told by the names in it, which stay")]
    pub(super) fn close(&self) {
        let shelves = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.shelves)
        };
        drop(shelves);
        self.added.notify_waiters();
        self.taken.notify_one();
    }

    /// How many wait.
    pub(super) fn ready(&self) -> usize {
        self.lock().shelves.values().map(|shelf| shelf.ready.len()).sum()
    }
}
