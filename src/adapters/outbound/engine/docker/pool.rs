//! Containers that wait for their call, of each kind that is used.
//!
//! A call takes one that waits, and where none does, has one made for it at once. What was taken is made up for
//! in the background, by one task that stands back while anybody waits.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::launch::{Kind, LaunchError};

/// A container that has waited this long is replaced.
const OLDEST: Duration = Duration::from_mins(10);
/// Containers of a kind that nobody has used for this long are let go.
const UNUSED: Duration = Duration::from_mins(10);
/// Containers of so many kinds are kept, as far as their number goes.
const KINDS: usize = 4;
/// The first and the longest wait after a container could not be made.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Makes what is kept.
pub(super) trait Maker: Send + Sync + 'static {
    /// One of them. Dropping it ends it.
    type Made: Waits;

    /// Makes one and waits until it is ready.
    fn make(&self, kind: &Kind) -> impl Future<Output = Result<Self::Made, LaunchError>> + Send;

    /// Hears what came of making one that no call waits for.
    fn learn(&self, outcome: Result<(), &LaunchError>);
}

/// What can end while it waits for its call.
pub(super) trait Waits: Send + 'static {
    /// Whether it still does.
    fn waits(&mut self) -> bool;
}

/// How much is kept and made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Containers of a kind that wait; 0: none.
    pub(super) spares: usize,
    /// Containers that are made at a time: a daemon that makes more does none of them sooner.
    pub(super) at_once: u32,
}

/// See the module.
pub(super) struct Pool<M: Maker> {
    maker: M,
    tasks: TaskTracker,
    spares: usize,
    at_once: u32,
    turns: Arc<Semaphore>,
    /// What is still being made is not worth waiting for any more.
    given_up: CancellationToken,
    state: Mutex<State<M::Made>>,
    /// A container has been added, or the pool was closed.
    added: Notify,
    /// A container has been taken.
    taken: Notify,
}

struct State<T> {
    stocks: HashMap<Kind, Stock<T>>,
    /// Calls that wait for a container.
    waiting: usize,
    closed: bool,
}

/// The containers of a kind.
struct Stock<T> {
    ready: VecDeque<(Instant, T)>,
    used: Instant,
    /// Kept however long nobody has used it.
    permanent: bool,
    back_off: Duration,
    not_before: Instant,
}

impl<T> Stock<T> {
    fn new(permanent: bool) -> Self {
        let now = Instant::now();
        let ready = VecDeque::new();
        Self { ready, used: now, permanent, back_off: BACK_OFF.0, not_before: now }
    }
}

/// Counts a call as waiting while it lives.
struct Waiting<'a, M: Maker>(&'a Pool<M>);

impl<M: Maker> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl<M: Maker> Pool<M> {
    /// Empty; what is made for calls is made on `tasks`.
    pub(super) fn new(maker: M, tasks: TaskTracker, bounds: Bounds) -> Arc<Self> {
        let (added, taken) = (Notify::new(), Notify::new());
        let state = Mutex::new(State { stocks: HashMap::new(), waiting: 0, closed: false });
        let Bounds { spares, at_once } = bounds;
        let turns = Arc::new(Semaphore::new(at_once as usize));
        let given_up = CancellationToken::new();
        Arc::new(Self { maker, tasks, spares, at_once, turns, given_up, state, added, taken })
    }

    /// Waits for a turn to make one.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Keeps containers of this kind ready although nobody has asked for one, and of no other.
    pub(super) fn always(&self, kind: &Kind) {
        let mut state = self.lock();
        for (other, stock) in &mut state.stocks {
            stock.permanent = other == kind;
        }
        if !state.closed && !state.stocks.contains_key(kind) {
            state.stocks.insert(kind.clone(), Stock::new(true));
            self.taken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M::Made>> {
        // No method panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container for one call, or `None` after the end.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        kind: &Kind,
    ) -> Option<Result<M::Made, LaunchError>> {
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
                turn = self.turn() => break turn?,
                () = added => {}
            }
        };
        self.make(kind, turn).await.ok()
    }

    /// Makes one in a task of its own, which goes on if nobody waits any more: what a daemon has begun can't be called
    /// back. It is kept then.
    fn make(
        self: &Arc<Self>,
        kind: &Kind,
        turn: OwnedSemaphorePermit,
    ) -> oneshot::Receiver<Result<M::Made, LaunchError>> {
        let (sender, receiver) = oneshot::channel();
        let (pool, kind) = (Arc::clone(self), kind.clone());
        self.tasks.spawn(async move {
            let made = tokio::select! {
                made = pool.maker.make(&kind) => made,
                () = pool.given_up.cancelled() => return,
            };
            drop(turn);
            if let Err(Ok(container)) = sender.send(made) {
                pool.put(&kind, container);
            }
        });
        receiver
    }

    /// Keeps one for later, where there is room.
    fn put(&self, kind: &Kind, container: M::Made) {
        let mut state = self.lock();
        let closed = state.closed;
        if let Some(stock) = state.stocks.get_mut(kind)
            && !closed
            && stock.ready.len() < self.spares
        {
            stock.ready.push_back((Instant::now(), container));
            self.added.notify_waiters();
        }
    }

    /// One that waits, if any does.
    fn take(&self, kind: &Kind) -> Option<M::Made> {
        let mut state = self.lock();
        let stock = state.stocks.entry(kind.clone()).or_insert_with(|| Stock::new(false));
        stock.used = Instant::now();
        self.taken.notify_one();
        while let Some((_, mut container)) = stock.ready.pop_front() {
            if container.waits() {
                return Some(container);
            }
        }
        None
    }

    /// Keeps containers ready until the pool is closed, looking for dead ones at each `tick`.
    pub(super) async fn keep_filled(self: &Arc<Self>, tick: Duration) {
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
    async fn fill(self: &Arc<Self>, kind: Kind) {
        let Some(turn) = self.turn().await else { return };
        let Ok(made) = self.make(&kind, turn).await else { return };
        self.maker.learn(made.as_ref().map(drop));
        match made {
            Ok(container) => {
                if let Some(stock) = self.lock().stocks.get_mut(&kind) {
                    stock.back_off = BACK_OFF.0;
                }
                self.put(&kind, container);
            }
            Err(error) => {
                tracing::debug!(%error, image = %kind.image, "no container could be made ready");
                let mut state = self.lock();
                let Some(stock) = state.stocks.get_mut(&kind) else { return };
                stock.not_before = Instant::now() + stock.back_off;
                stock.back_off = (stock.back_off * 2).min(BACK_OFF.1);
            }
        }
    }

    /// The kind that lacks a container the most, where one should be made now.
    fn wanted(&self) -> Option<Kind> {
        let state = self.lock();
        if state.closed || state.waiting > 0 {
            return None;
        }
        let total: usize = state.stocks.values().map(|stock| stock.ready.len()).sum();
        if total >= self.spares * KINDS {
            return None;
        }
        let now = Instant::now();
        state
            .stocks
            .iter()
            .filter(|(_, stock)| stock.ready.len() < self.spares && stock.not_before <= now)
            .max_by_key(|(_, stock)| stock.used)
            .map(|(kind, _)| kind.clone())
    }

    /// Lets go of what is dead, old or of no use any more.
    fn tidy(&self) {
        let mut state = self.lock();
        for stock in state.stocks.values_mut() {
            stock
                .ready
                .retain_mut(|(since, container)| since.elapsed() < OLDEST && container.waits());
        }
        state.stocks.retain(|_, stock| stock.permanent || stock.used.elapsed() < UNUSED);
        while state.stocks.len() > KINDS {
            let oldest = state
                .stocks
                .iter()
                .filter(|(_, stock)| !stock.permanent)
                .min_by_key(|(_, stock)| stock.used)
                .map(|(kind, _)| kind.clone());
            match oldest {
                Some(kind) => drop(state.stocks.remove(&kind)),
                None => break,
            }
        }
    }

    /// Has the containers that are missing made now: the daemon is there again.
    pub(super) fn hurry(&self) {
        for stock in self.lock().stocks.values_mut() {
            stock.not_before = Instant::now();
        }
        self.taken.notify_one();
    }

    /// Ends it, and every container that waits.
    #[expect(clippy::mutable_key_type, reason = "a kind is told by the names in it, which stay")]
    pub(super) fn close(&self) {
        let stocks = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.stocks)
        };
        drop(stocks);
        self.added.notify_waiters();
        self.taken.notify_one();
    }

    /// After the end: waits until nothing is being made any more, at most so long.
    pub(super) async fn rest(&self, patience: Duration) {
        // Whatever is being made has a turn.
        let all = self.turns.acquire_many(self.at_once);
        if tokio::time::timeout(patience, all).await.is_err() {
            self.given_up.cancel();
        }
    }

    /// How many wait.
    pub(super) fn ready(&self) -> usize {
        self.lock().stocks.values().map(|stock| stock.ready.len()).sum()
    }
}

#[cfg(test)]
mod tests;
