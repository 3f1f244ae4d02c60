//! The engine as its port has it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::exchange::{self, Request};
use super::config::DockerConfig;
use super::container::{Held, Ready};
use super::daemon::{Daemon, DaemonState, Watch};
use super::launch::{Kind, LaunchError, Launcher};
use super::maintenance::Maintenance;
use super::pool::{Bounds, Pool};
use super::reaper::Reaper;
use crate::adapters::outbound::docker::{
    Containers, Dependencies, ImageState, ImageUnavailable, Images, InstallError, Installed,
};
use crate::domain::execution::{Completion, Failure, Job, Logs, SyntaxError};
use crate::domain::image::ContainerImage;
use crate::domain::tool::{Dependency, DependencyLock, EngineKind};
use crate::ports::{Engine, EngineError, EngineReport, Host, ProgressFn, Strength};

/// How long a call waits for a container before the engine counts as not available.
const PATIENCE: Duration = Duration::from_mins(2);
/// Containers that are made at once, on a machine of one processor and for each more.
const AT_ONCE: (u32, u32) = (4, 1);
/// The walls that every container is checked for.
const WALLS: &str = "no capabilities, no new privileges, read-only root, no network";

/// See the module.
pub struct DockerEngine {
    pool: Arc<Pool<Launcher>>,
    watch: Arc<Watch>,
    images: Images,
    dependencies: Dependencies,
    image: ContainerImage,
    stop: CancellationToken,
    ended: CancellationToken,
}

/// What the engine stands on.
pub struct DockerParts {
    /// Makes containers.
    pub containers: Containers,
    /// Knows images.
    pub images: Images,
    /// Installs packages.
    pub dependencies: Dependencies,
}

impl DockerEngine {
    /// Starts one. Returns at once: the daemon is asked in the background, by tasks of `tasks`, until `stop`.
    pub fn start(
        config: DockerConfig,
        parts: DockerParts,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let DockerParts { containers, images, dependencies } = parts;
        let (held, watch) = (Arc::new(Held::default()), Watch::new());
        let stop = stop.child_token();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let launcher = Launcher {
            containers: containers.clone(),
            watch: Arc::clone(&watch),
            instance: config.instance.clone(),
            resources: config.resources,
            held: Arc::clone(&held),
        };
        let more = u32::try_from(cores - 1).unwrap_or(0);
        let at_once = AT_ONCE.0 + AT_ONCE.1 * more;
        let bounds = Bounds { spares: config.spares, at_once };
        let pool = Pool::new(launcher, tasks.clone(), bounds);
        let maintenance = Maintenance {
            containers,
            images: images.clone(),
            image: config.image.clone(),
            prepared: config.prepared,
            watch: Arc::clone(&watch),
            pool: Arc::clone(&pool),
            reaper: Reaper { instance: config.instance, held },
            stop: stop.clone(),
        };
        let ended = CancellationToken::new();
        let tell = ended.clone().drop_guard();
        tasks.spawn(async move {
            let _tell = tell;
            maintenance.run().await;
        });
        Self { pool, watch, images, dependencies, image: config.image, stop, ended }
    }

    async fn acquire(
        &self,
        image: &ContainerImage,
        packages: Option<Arc<Installed>>,
    ) -> Result<Ready, EngineError> {
        let id = self.images.id(image).await.map_err(|error| self.no_image(&error))?;
        let kind = Kind { image: image.clone(), id: id.into(), packages };
        match tokio::time::timeout(PATIENCE, self.pool.acquire(&kind)).await {
            Ok(Some(made)) => made.map_err(|error| self.unavailable(error)),
            Ok(None) => Err(ended()),
            Err(_) => Err(unavailable("its containers can't be started in time".to_owned())),
        }
    }

    /// The packages of a job, if it has any; the client hears how far they are.
    async fn packages(
        &self,
        job: &Job,
        host: &dyn Host,
    ) -> Result<Option<Arc<Installed>>, Arc<InstallError>> {
        if job.dependencies.is_empty() {
            return Ok(None);
        }
        let tell = |progress| host.progress(progress);
        let lock = job.lock.as_ref();
        self.dependencies.installed(&job.image, &job.dependencies, lock, &tell).await.map(Some)
    }

    /// How strong the walls are that containers have on this daemon, in words too.
    fn walls(&self, daemon: &Daemon) -> (Strength, String) {
        if let Some(why) = self.watch.refused() {
            return (Strength::Unknown, format!("; {why}"));
        }
        let (strength, filter) = if daemon.seccomp {
            (Strength::Full, "seccomp")
        } else {
            (Strength::Degraded, "no seccomp")
        };
        let swap = if daemon.swap_limited { "" } else { ", swap not limited" };
        let warm = self.pool.ready();
        (strength, format!(": {filter}, {WALLS}{swap}; {warm} warm"))
    }

    /// Images that tools wait for. Of the usual one it is said otherwise that it is missing.
    fn pulls(&self) -> String {
        let images = self.images.report().into_iter();
        let pulls = images.filter_map(|(image, state)| match state {
            ImageState::Pulling(progress) if image != self.image => {
                Some(format!("; pulling {image} ({progress})"))
            }
            _ => None,
        });
        pulls.collect()
    }

    fn no_image(&self, error: &ImageUnavailable) -> EngineError {
        self.watch.doubt();
        unavailable(error.to_string())
    }

    fn unavailable(&self, error: LaunchError) -> EngineError {
        self.watch.doubt();
        match error {
            LaunchError::Random(why) => EngineError::Internal(why.into()),
            error => unavailable(error.to_string()),
        }
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn ended() -> EngineError {
    unavailable("the server is shutting down".to_owned())
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
        if self.stop.is_cancelled() {
            return Err(ended());
        }
        let prepare = async {
            match self.packages(&job, host.as_ref()).await {
                Ok(packages) => self.acquire(&job.image, packages).await.map(Ok),
                Err(error) if error.is_unavailable() => Err(unavailable(error.to_string())),
                Err(error) => Ok(Err(error.failure())),
            }
        };
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            prepared = prepare => Some(prepared?),
        };
        match prepared {
            None => Ok(exchange::cancelled()),
            Some(Err(failure)) => Ok(Completion { outcome: Err(failure), logs: Logs::default() }),
            Some(Ok(mut ready)) => {
                host.sandbox_ready();
                Ok(Request::new(job)?.run(&mut ready, host, &cancel).await)
            }
        }
    }

    async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError> {
        let mut ready = self.acquire(&self.image, None).await?;
        Ok(exchange::check(&mut ready, code).await)
    }

    async fn install(
        &self,
        image: &ContainerImage,
        dependencies: &[Dependency],
        progress: &ProgressFn<'_>,
    ) -> Result<Result<Option<DependencyLock>, Failure>, EngineError> {
        match self.dependencies.installed(image, dependencies, None, progress).await {
            Ok(installed) => Ok(Ok(Some(installed.lock.clone()))),
            Err(error) if error.is_unavailable() => Err(unavailable(error.to_string())),
            Err(error) => Ok(Err(error.failure())),
        }
    }

    async fn settled(&self) {
        self.watch.settled().await;
    }

    fn report(&self) -> EngineReport {
        let (ready, strength, detail) = match self.watch.state() {
            DaemonState::Unknown => (false, Strength::Unknown, "asking the daemon".to_owned()),
            DaemonState::Down(why) => (false, Strength::Unknown, why),
            DaemonState::Closed => {
                (false, Strength::Unknown, "the server is shutting down".to_owned())
            }
            DaemonState::Up(daemon) => {
                let (strength, detail) = self.walls(&daemon);
                (true, strength, format!("{}{detail}{}", daemon.name, self.pulls()))
            }
        };
        EngineReport { kind: EngineKind::Docker, ready, strength, detail }
    }

    fn spare_sandboxes(&self) -> Option<usize> {
        Some(self.pool.ready())
    }

    async fn shutdown(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}
