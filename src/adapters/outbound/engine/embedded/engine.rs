//! The engine as its port has it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::exchange::{self, Request};
use super::config::{EmbeddedConfig, WorkerMode};
use super::pool::{Lease, Phase, Pool};
use super::spawning::Spawning;
use super::syntax_cache::SyntaxCache;
use super::worker::Setup;
use crate::domain::execution::{Completion, Job, SyntaxError};
use crate::domain::tool::EngineKind;
use crate::ports::{Engine, EngineError, EngineReport, Host, Strength};

/// How long a call waits for a worker before the engine counts as not available.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub struct EmbeddedEngine {
    pool: Arc<Pool>,
    syntax: SyntaxCache,
    stop: CancellationToken,
}

impl EmbeddedEngine {
    /// Starts one. Returns at once: the workers come up in the background, as tasks of `tasks`, until `stop`.
    pub fn start(config: EmbeddedConfig, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let pool = Pool::new(config.spares);
        let stop = stop.child_token();
        let setup = Setup { memory_bytes: config.memory_bytes, allow_weak: config.allow_weak };
        let mode = match config.mode {
            WorkerMode::Auto if cfg!(target_os = "linux") => WorkerMode::ForkServer,
            WorkerMode::Auto => WorkerMode::ExecPool,
            chosen => chosen,
        };
        if mode == WorkerMode::ExecPool {
            let spawning = Spawning {
                program: config.worker,
                setup,
                require_namespaces: config.require_namespaces,
                pool: Arc::clone(&pool),
                stop: stop.clone(),
            };
            tasks.spawn(spawning.run());
        } else {
            #[cfg(target_os = "linux")]
            tasks.spawn(
                super::forking::Forking {
                    program: config.worker,
                    setup,
                    require_namespaces: config.require_namespaces,
                    most_forks: config.forks_per_server,
                    pool: Arc::clone(&pool),
                    tasks: tasks.clone(),
                    stop: stop.clone(),
                }
                .run(),
            );
            #[cfg(not(target_os = "linux"))]
            pool.close("there is no fork server on this system".to_owned());
        }
        Self { pool, syntax: SyntaxCache::default(), stop }
    }

    /// Workers that are ready now.
    pub fn ready_workers(&self) -> usize {
        self.pool.ready()
    }

    async fn acquire(&self) -> Result<Lease, EngineError> {
        let unavailable =
            |reason: String| EngineError::Unavailable { kind: EngineKind::Embedded, reason };
        match tokio::time::timeout(PATIENCE, self.pool.acquire()).await {
            Ok(acquired) => acquired.map_err(unavailable),
            Err(_) => Err(unavailable("its workers can't be started".to_owned())),
        }
    }
}

impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Embedded
    }

    async fn run(
        &self,
        job: Job,
        host: Arc<dyn Host>,
        cancel: CancellationToken,
    ) -> Result<Completion, EngineError> {
        let digest = SyntaxCache::digest(&job.code);
        let parsed = self.syntax.has(&digest);
        let request = Request::new(job)?.parsed(parsed);
        let acquired = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            acquired = self.acquire() => Some(acquired?),
        };
        match acquired {
            None => Ok(exchange::cancelled()),
            Some(mut lease) => {
                host.sandbox_ready();
                let completion = request.run(&mut lease.worker, host, &cancel).await;
                if completion.outcome.is_ok() && !parsed {
                    self.syntax.add(digest);
                }
                Ok(completion)
            }
        }
    }

    async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError> {
        let mut lease = self.acquire().await?;
        let verdict = exchange::check(&mut lease.worker, code).await;
        if verdict.is_ok() {
            self.syntax.add(SyntaxCache::digest(code));
        }
        Ok(verdict)
    }

    fn report(&self) -> EngineReport {
        let (phase, walls) = self.pool.phase();
        let (ready, detail) = match phase {
            Phase::Starting if walls.is_none() => (false, "starting".to_owned()),
            Phase::Starting => (false, "starting again".to_owned()),
            Phase::Serving(walls) => (true, walls.describe()),
            Phase::Closed(why) => (false, why),
        };
        let strength = match (ready, walls) {
            (true, Some(walls)) => walls.strength(),
            _ => Strength::Unknown,
        };
        EngineReport { kind: EngineKind::Embedded, ready, strength, detail }
    }

    fn spare_sandboxes(&self) -> Option<usize> {
        Some(self.pool.ready())
    }

    async fn shutdown(&self) {
        self.stop.cancel();
        self.pool.close("the server is shutting down".to_owned());
    }
}
