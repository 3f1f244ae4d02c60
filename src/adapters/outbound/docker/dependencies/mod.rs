//! npm packages: resolved once for a tool, installed once for each image and lock, into a volume that calls only read.
//!
//! npm runs in a container of its own, with a network and without the packages' scripts, and in no other one. Whoever
//! needs packages that are being installed waits for that one installation. Volumes are kept until they take more disk
//! than they may, the least recently used go first, and all go with the server.

mod archive;
mod npm;
mod reason;
mod volume;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::container::{Containers, Output};
use super::error::DockerError;
use super::images::{ImageUnavailable, Images};
use super::labels::Instance;
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, Progress};
use crate::domain::image::ContainerImage;
use crate::domain::tool::lock::{LockError, manifest};
use crate::domain::tool::{Dependency, DependencyLock};
use crate::ports::ProgressFn;
use npm::{Mode, Npm};
use volume::Volume;

/// Longest installation, from the first question to the registry on.
const LONGEST: Duration = Duration::from_mins(5);

/// What the operator says of packages.
#[derive(Debug, Clone)]
pub struct DependencyOptions {
    /// Where packages come from; `None`: npm's own registry.
    pub registry: Option<String>,
    /// A file with certificates of authorities that npm trusts beside the usual ones.
    pub extra_ca: Option<PathBuf>,
    /// Most bytes of disk for all that is installed; no set of packages may need more by itself.
    pub cache_bytes: u64,
}

/// Installs packages. Cheap to clone.
#[derive(Clone)]
pub struct Dependencies {
    shared: Arc<Shared>,
}

struct Shared {
    npm: Npm,
    images: Images,
    cache_bytes: u64,
    tasks: TaskTracker,
    stopped: CancellationToken,
    sets: Mutex<HashMap<String, Entry>>,
}

/// Packages that are installed, or being installed.
struct Entry {
    stage: watch::Receiver<Stage>,
    used: Instant,
}

#[derive(Clone)]
enum Stage {
    /// In words.
    Working(String),
    Done(Result<Arc<Installed>, Arc<InstallError>>),
}

/// Installed packages. The volume is there as long as anybody holds this.
#[derive(Debug)]
pub struct Installed {
    volume: Volume,
    /// The exact packages.
    pub lock: DependencyLock,
    bytes: u64,
}

impl Installed {
    /// The volume's name.
    pub fn volume(&self) -> &str {
        self.volume.name()
    }

    /// The container that keeps it, and has it at [`DEPENDENCIES`](super::DEPENDENCIES).
    pub fn keeper(&self) -> &str {
        self.volume.keeper()
    }
}

/// Why packages were not installed. The sentences hold no path of this machine.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The image is not there.
    #[error(transparent)]
    Image(#[from] ImageUnavailable),
    /// The daemon is not there, or failed.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The file with certificates can't be read.
    #[error("the file that MCP_SANDBOX_EXTRA_CA_FILE names can't be read: {0}")]
    Certificates(std::io::ErrorKind),
    /// npm's own reason.
    #[error("npm could not install the dependencies: {0}")]
    Npm(String),
    /// What npm resolved is not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Too large.
    #[error("the dependencies need more than {most_mb} MB of disk, which is all that there may be")]
    TooLarge {
        /// `MCP_SANDBOX_DEPENDENCY_CACHE`.
        most_mb: u64,
    },
    /// Too slow.
    #[error("npm did not finish within {} minutes", LONGEST.as_secs() / 60)]
    TooSlow,
    /// The server ends.
    #[error("the installation was ended")]
    Ended,
}

impl InstallError {
    /// Whether it is not the packages' fault, but Docker or the image is away.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Image(_) | Self::Docker(_) | Self::Ended)
    }

    /// As a call's outcome.
    pub fn failure(&self) -> Failure {
        let code = if self.is_unavailable() {
            ErrorCode::EngineUnavailable
        } else {
            ErrorCode::DependencyFailed
        };
        Failure::new(code, self.to_string())
    }
}

impl Dependencies {
    /// Installations run on `tasks`, and all that is installed is removed after `stopped`.
    pub fn new(
        containers: Containers,
        images: Images,
        instance: Instance,
        options: DependencyOptions,
        tasks: &TaskTracker,
        stopped: &CancellationToken,
    ) -> Self {
        let cache_bytes = options.cache_bytes;
        let npm = Npm::new(containers, instance, options, tasks.clone());
        let (tasks, stopped) = (tasks.clone(), stopped.clone());
        let shared =
            Arc::new(Shared { npm, images, cache_bytes, tasks, stopped, sets: Mutex::default() });
        let ending = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            ending.stopped.cancelled().await;
            ending.sets().clear();
        });
        Self { shared }
    }

    /// The packages, installed for an image: at once where they are, else when they are, with `progress` told how far
    /// that is, in words and in numbers so small that whatever is told later is more.
    /// Where there is no lock, npm resolves them first. Dropping the future ends nothing: somebody else may wait too.
    pub async fn installed(
        &self,
        image: &ContainerImage,
        dependencies: &[Dependency],
        lock: Option<&DependencyLock>,
        progress: &ProgressFn<'_>,
    ) -> Result<Arc<Installed>, Arc<InstallError>> {
        let id = self.shared.images.id(image).await.map_err(|error| Arc::new(error.into()))?;
        let mut stage = self.shared.begin(id, dependencies, lock);
        let mut steps = 0.0;
        loop {
            let now = stage.borrow_and_update().clone();
            match now {
                Stage::Done(outcome) => return outcome,
                Stage::Working(words) => {
                    progress(Progress { done: steps * 1e-6, total: None, message: Some(words) });
                    steps += 1.0;
                }
            }
            stage.changed().await.map_err(|_| Arc::new(InstallError::Ended))?;
        }
    }
}

impl Shared {
    /// The stage of the one installation of these packages for this image.
    fn begin(
        self: &Arc<Self>,
        image: String,
        dependencies: &[Dependency],
        lock: Option<&DependencyLock>,
    ) -> watch::Receiver<Stage> {
        let key = key(&image, dependencies, lock);
        let mut sets = self.sets();
        if let Some(entry) = sets.get_mut(&key) {
            entry.used = Instant::now();
            return entry.stage.clone();
        }
        let (sender, stage) = watch::channel(Stage::Working("preparing".to_owned()));
        sets.insert(key.clone(), Entry { stage: stage.clone(), used: Instant::now() });
        drop(sets);
        let (shared, dependencies, lock) = (Arc::clone(self), dependencies.to_vec(), lock.cloned());
        self.tasks.spawn(async move {
            let working = shared.install(&image, &dependencies, lock, &sender);
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(LONGEST, working) => {
                    outcome.unwrap_or(Err(InstallError::TooSlow))
                }
                () = shared.stopped.cancelled() => Err(InstallError::Ended),
            };
            match outcome {
                Ok((installed, mut output)) => {
                    let volume = installed.volume().to_owned();
                    shared.keep(&image, &dependencies, &key, &Arc::new(installed), &sender);
                    drop(sender);
                    // Nothing more is said: it ends where a daemon was started anew, or made room.
                    while let Some(Ok(_)) = output.next().await {}
                    shared.forget(&volume);
                }
                Err(error) => {
                    tracing::warn!(%error, "dependencies were not installed");
                    // The next one who needs them tries again.
                    shared.sets().remove(&key);
                    sender.send_replace(Stage::Done(Err(Arc::new(error))));
                }
            }
        });
        stage
    }

    async fn install(
        &self,
        image: &str,
        dependencies: &[Dependency],
        lock: Option<DependencyLock>,
        stage: &watch::Sender<Stage>,
    ) -> Result<(Installed, Output), InstallError> {
        let say = |words: String| {
            tracing::info!("{words}");
            stage.send_replace(Stage::Working(words));
        };
        let manifest = manifest(dependencies).to_string();
        let lock = if let Some(lock) = lock {
            lock
        } else {
            say(format!("resolving {}", packages(dependencies.len())));
            let ran = self.npm.run(image, Mode::Resolve, &manifest, None).await?;
            DependencyLock::from_lockfile(&ran.lock)?
        };
        say(format!("installing {}", packages(lock.len())));
        let lockfile = lock.lockfile(dependencies).to_string();
        let ran = self.npm.run(image, Mode::Install, &manifest, Some(&lockfile)).await?;
        Ok((Installed { volume: ran.volume, lock, bytes: ran.bytes }, ran.output))
    }

    /// Puts packages where they are found both by what was asked for and by their lock, and makes room.
    fn keep(
        &self,
        image: &str,
        dependencies: &[Dependency],
        asked: &str,
        installed: &Arc<Installed>,
        stage: &watch::Sender<Stage>,
    ) {
        let mut sets = self.sets();
        stage.send_replace(Stage::Done(Ok(Arc::clone(installed))));
        // What was kept is being removed already.
        if self.stopped.is_cancelled() {
            sets.clear();
            return;
        }
        let locked = key(image, dependencies, Some(&installed.lock));
        if locked != asked {
            let entry = Entry { stage: stage.subscribe(), used: Instant::now() };
            sets.entry(locked).or_insert(entry);
        }
        while let Some(oldest) = oldest_beyond(&sets, self.cache_bytes, installed.volume()) {
            tracing::info!(volume = oldest, "removing dependencies that were not used for longest");
            sets.retain(|_, entry| entry.volume().is_none_or(|set| set.volume() != oldest));
        }
    }

    fn forget(&self, volume: &str) {
        self.sets().retain(|_, entry| entry.volume().is_none_or(|set| set.volume() != volume));
    }

    fn sets(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn volume(&self) -> Option<Arc<Installed>> {
        match &*self.stage.borrow() {
            Stage::Done(Ok(installed)) => Some(Arc::clone(installed)),
            _ => None,
        }
    }
}

/// Where all volumes together are larger than they may be: the one that was not used for longest, but not `newest`.
fn oldest_beyond(sets: &HashMap<String, Entry>, most: u64, newest: &str) -> Option<String> {
    let mut volumes: HashMap<String, (u64, Instant)> = HashMap::new();
    for entry in sets.values() {
        if let Some(installed) = entry.volume() {
            let volume = volumes.entry(installed.volume().to_owned());
            let (_, used) = volume.or_insert((installed.bytes, entry.used));
            *used = entry.used.max(*used);
        }
    }
    let total: u64 = volumes.values().map(|(bytes, _)| bytes).sum();
    if total <= most {
        return None;
    }
    let others = volumes.into_iter().filter(|(name, _)| name != newest);
    others.min_by_key(|(_, (_, used))| *used).map(|(name, _)| name)
}

/// What an installation depends on, as one short text.
fn key(image: &str, dependencies: &[Dependency], lock: Option<&DependencyLock>) -> String {
    let mut sorted: Vec<_> = dependencies.iter().map(|one| (&one.name, &one.version)).collect();
    sorted.sort();
    let whole = serde_json::json!([image, sorted, lock]).to_string();
    Sha256::digest(whole).iter().take(16).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        // Writing to a text can't fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

fn packages(count: usize) -> String {
    if count == 1 { "1 npm package".to_owned() } else { format!("{count} npm packages") }
}
