//! The engine as its port has it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::exchange::{self, Request};
use super::config::DockerConfig;
use super::container::{Container, Held};
use super::daemon::{Standing, Watch};
use super::launch::{Kind, LaunchError, Launcher};
use super::pool::Pool;
use super::reaper::Keeper;
use super::tend::Tending;
use crate::adapters::outbound::docker::Connection;
use crate::domain::execution::{Completion, Job, SyntaxError};
use crate::domain::tool::EngineKind;
use crate::ports::{Engine, EngineError, EngineReport, Host, Strength};

/// How long a call waits for a container before the engine counts as not available.
const PATIENCE: Duration = Duration::from_mins(2);
/// Containers that are made at once, on a machine of one processor and for each more.
const AT_ONCE: (usize, usize) = (4, 1);
/// The walls that every container is checked for.
const WALLS: &str = "no capabilities, no new privileges, read-only root, no network";

/// See the module.
pub struct DockerEngine {
    pool: Arc<Pool>,
    watch: Arc<Watch>,
    image: String,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl DockerEngine {
    /// Starts one. Returns at once: the daemon is asked in the background, by tasks of `tasks`, until `stop`.
    pub fn start(
        config: DockerConfig,
        connection: Arc<Connection>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (held, let_go) = Held::new();
        let watch = Watch::new();
        let stop = stop.child_token();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let image = config.image.to_string();
        let launcher = Arc::new(Launcher {
            connection: Arc::clone(&connection),
            watch: Arc::clone(&watch),
            instance: config.instance.clone(),
            resources: config.resources,
            held: Arc::clone(&held),
            turns: Arc::new(Semaphore::new(AT_ONCE.0 + AT_ONCE.1 * (cores - 1))),
        });
        let first = Kind { image: image.clone(), packages: None };
        let pool = Pool::new(launcher, tasks.clone(), config.spares, first);
        let tending = Tending {
            connection,
            watch: Arc::clone(&watch),
            pool: Arc::clone(&pool),
            keeper: Keeper { instance: config.instance, held },
            let_go,
            stop: stop.clone(),
        };
        let ended = CancellationToken::new();
        let tell = ended.clone().drop_guard();
        tasks.spawn(async move {
            let _tell = tell;
            tending.run().await;
        });
        Self { pool, watch, image, stop, ended }
    }

    /// Containers that wait for a call now.
    pub fn ready_containers(&self) -> usize {
        self.pool.ready()
    }

    async fn acquire(&self, kind: &Kind) -> Result<Container, EngineError> {
        match tokio::time::timeout(PATIENCE, self.pool.acquire(kind)).await {
            Ok(Some(made)) => made.map_err(|error| self.unavailable(error)),
            Ok(None) => Err(unavailable("the server is shutting down".to_owned())),
            Err(_) => Err(unavailable("its containers can't be started in time".to_owned())),
        }
    }

    fn unavailable(&self, error: LaunchError) -> EngineError {
        self.watch.doubt();
        match error {
            LaunchError::Random(why) => EngineError::Internal(why),
            error => unavailable(error.to_string()),
        }
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn unavailable(reason: String) -> EngineError {
    EngineError::Unavailable { kind: EngineKind::Docker, reason }
}

#[async_trait]
impl Engine for DockerEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    async fn run(
        &self,
        job: Job,
        host: Arc<dyn Host>,
        cancel: CancellationToken,
    ) -> Result<Completion, EngineError> {
        if !job.dependencies.is_empty() {
            return Err(unavailable("npm packages can't be installed by this version".to_owned()));
        }
        let kind = Kind { image: job.image.to_string(), packages: None };
        let request = Request::new(job)?;
        let acquired = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            acquired = self.acquire(&kind) => Some(acquired?),
        };
        match acquired {
            None => Ok(exchange::cancelled()),
            Some(mut container) => Ok(request.run(&mut container, host, &cancel).await),
        }
    }

    async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError> {
        let kind = Kind { image: self.image.clone(), packages: None };
        let mut container = self.acquire(&kind).await?;
        Ok(exchange::check(&mut container, code).await)
    }

    async fn settled(&self) {
        self.watch.settled().await;
    }

    fn report(&self) -> EngineReport {
        let (ready, strength, detail) = match self.watch.standing() {
            Standing::Unknown => (false, Strength::Unknown, "asking the daemon".to_owned()),
            Standing::Down(why) => (false, Strength::Unknown, why),
            Standing::Closed => {
                (false, Strength::Unknown, "the server is shutting down".to_owned())
            }
            Standing::Up(daemon) => {
                let (strength, filter) = if daemon.seccomp {
                    (Strength::Full, "seccomp")
                } else {
                    (Strength::Degraded, "no seccomp")
                };
                let swap = if daemon.swap_limited { "" } else { ", swap not limited" };
                let warm = self.pool.ready();
                let detail = match self.watch.refused() {
                    Some(why) => format!("{}; {why}", daemon.name),
                    None => format!("{}: {filter}, {WALLS}{swap}; {warm} warm", daemon.name),
                };
                (true, strength, detail)
            }
        };
        EngineReport { kind: EngineKind::Docker, ready, strength, detail }
    }

    async fn shutdown(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}
