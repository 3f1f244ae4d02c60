//! Keeps a fork server running and the pool supplied from it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::control::Urgency;
use super::fork_server::{ForkServer, Start};
use super::pool::Pool;
use super::walls::{NAMESPACES, Walls};
use super::worker::Setup;

/// How long a fork server may take to start.
const START: Duration = Duration::from_secs(20);
/// A fork server that has made any worker is replaced after this long.
const OLDEST: Duration = Duration::from_mins(10);
/// A fork server that lived this long did not fail to start.
const HEALTHY: Duration = Duration::from_secs(10);
/// The first and the longest wait between starts.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often spares beyond need are let go.
const TRIM: Duration = Duration::from_secs(5);

/// What it takes to start one.
pub(super) struct Forking {
    pub(super) program: PathBuf,
    pub(super) setup: Setup,
    pub(super) require_namespaces: bool,
    pub(super) most_forks: u64,
    pub(super) pool: Arc<Pool>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// One fork server in service.
struct Serving {
    server: Arc<ForkServer>,
    /// Holding it is what keeps the server.
    _kept: Arc<DropGuard>,
    since: Instant,
    /// Cancelled when it has gone.
    gone: CancellationToken,
}

/// Why the service of a fork server ended.
enum End {
    Gone,
    Stopped,
    Old,
}

impl Forking {
    /// Runs until stopped, or until there can't be a fork server.
    pub(super) async fn run(self) {
        let ids = Arc::new(AtomicU64::new(1));
        let mut back_off = BACK_OFF.0;
        let mut failures = 0_u32;
        let mut current: Option<Serving> = None;
        loop {
            if self.stop.is_cancelled() {
                break;
            }
            match self.start(&ids).await {
                Ok((serving, walls)) => {
                    if current.is_some() {
                        self.pool.succeed(walls);
                    } else {
                        self.pool.serving(walls);
                    }
                    // The one before ends with the last of its workers.
                    current = Some(serving);
                }
                Err(Some(refused)) => {
                    self.pool.close(refused);
                    return;
                }
                Err(None) if self.stop.is_cancelled() => break,
                Err(None) => {
                    tracing::warn!("the sandbox's fork server could not be started");
                    if current.is_some() && self.pause(&mut back_off).await {
                        break;
                    }
                }
            }
            let over = match &current {
                Some(serving) => self.supply(serving).await,
                None => End::Gone,
            };
            match over {
                End::Stopped => break,
                End::Old => continue,
                End::Gone => {}
            }
            let lived = current.take().map(|serving| serving.since.elapsed());
            self.pool.orphaned();
            if lived.is_some_and(|lived| lived >= HEALTHY) {
                back_off = BACK_OFF.0;
                failures = 0;
            }
            if lived.is_some() {
                tracing::warn!("the sandbox's fork server has died; starting another");
            }
            failures += 1;
            if failures > 1 && self.pause(&mut back_off).await {
                break;
            }
        }
        self.pool.close("the server is shutting down".to_owned());
    }

    /// Waits before the next attempt; `true` where there shall be none.
    async fn pause(&self, back_off: &mut Duration) -> bool {
        let pause = *back_off;
        *back_off = (pause * 2).min(BACK_OFF.1);
        tokio::select! {
            () = tokio::time::sleep(pause) => false,
            () = self.stop.cancelled() => true,
        }
    }

    /// Starts one; `Err(Some(why))` where there is no use in trying again.
    async fn start(&self, ids: &Arc<AtomicU64>) -> Result<(Serving, Walls), Option<String>> {
        let (server, kept) = ForkServer::start(&self.program, self.setup, Arc::clone(ids))
            .map_err(|error| {
                tracing::warn!(%error, "a sandbox process can't be started");
                None
            })?;
        let started = tokio::select! {
            started = tokio::time::timeout(START, server.started()) => started.unwrap_or(Start::Died),
            () = self.stop.cancelled() => Start::Died,
        };
        let walls = match started {
            Start::Ready(walls) => walls,
            Start::Refused(walls) => {
                return Err(Some(format!(
                    "its sandbox can't be put up on this machine ({}); MCP_SANDBOX_ALLOW_WEAK=true \
                     runs code without it",
                    walls.describe()
                )));
            }
            Start::Died => return Err(None),
        };
        if self.require_namespaces && !walls.has(NAMESPACES) {
            return Err(Some(format!("namespaces are required: {}", walls.describe())));
        }
        let gone = CancellationToken::new();
        let tell = gone.clone().drop_guard();
        let attend = Arc::clone(&server).attend(Arc::clone(&self.pool), Arc::downgrade(&kept));
        self.tasks.spawn(async move {
            let _tell = tell;
            attend.await;
        });
        Ok((Serving { server, _kept: kept, since: Instant::now(), gone }, walls))
    }

    /// Orders workers as the pool wants them.
    async fn supply(&self, serving: &Serving) -> End {
        let mut trim = tokio::time::interval(TRIM);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let order = self.pool.order();
            let awaited = std::iter::repeat_n(Urgency::Awaited, order.awaited);
            for urgency in awaited.chain(std::iter::repeat_n(Urgency::Spare, order.spare)) {
                if !serving.server.order(urgency) {
                    self.pool.fail_order();
                }
            }
            let forked = serving.server.forked();
            let worn = forked >= self.most_forks;
            tokio::select! {
                () = self.stop.cancelled() => return End::Stopped,
                () = serving.gone.cancelled() => return End::Gone,
                () = self.pool.demanded() => {}
                _ = trim.tick() => {
                    self.pool.trim();
                    if forked > 0 && serving.since.elapsed() >= OLDEST {
                        return End::Old;
                    }
                }
            }
            if worn {
                return End::Old;
            }
        }
    }
}
