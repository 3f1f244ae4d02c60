//! One run of npm, in a hardened container that has a network.

use bollard::container::LogOutput;
use futures_util::{StreamExt as _, stream};
use tokio_util::task::TaskTracker;

use super::super::container::{Containers, Output, Upload};
use super::super::labels::{Instance, Role};
use super::super::spec::{DEPENDENCIES, Network, Resources, Spec, VolumeMount};
use super::volume::Volume;
use super::{DependencyOptions, InstallError, archive, reason};
use crate::domain::tool::lock::MAX_LOCK_BYTES;

const SCRIPT: &str = include_str!("npm.sh");
const MIB: u64 = 1 << 20;
/// npm keeps what it knows of every package in memory.
const RESOURCES: Resources = Resources { memory_bytes: 1024 * MIB, millicpus: 2000 };
/// Room for what npm downloads, beside what it installs.
const DOWNLOADS: u64 = 512 * MIB;
/// What is kept of npm's log.
const LOG_BYTES: usize = 32 << 10;
/// No scripts of packages; nothing that isn't asked for.
/// And no more patience with a registry than somebody has who waits: it is asked three times within seconds.
const FLAGS: [&str; 12] = [
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--no-progress",
    "--omit=dev",
    "--loglevel=error",
    "--logs-max=0",
    "--fetch-timeout=30000",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
];

/// What npm is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Write a lock.
    Resolve,
    /// Install what a lock says.
    Install,
}

/// What came of it.
pub(super) struct Ran {
    /// What it installed into.
    pub(super) volume: Volume,
    /// Ends when its keeper does.
    pub(super) output: Output,
    /// Size of that.
    pub(super) bytes: u64,
    /// The lock that it wrote.
    pub(super) lock: Vec<u8>,
}

/// Runs npm.
pub(super) struct Npm {
    containers: Containers,
    instance: Instance,
    options: DependencyOptions,
    tasks: TaskTracker,
}

impl Npm {
    pub(super) const fn new(
        containers: Containers,
        instance: Instance,
        options: DependencyOptions,
        tasks: TaskTracker,
    ) -> Self {
        Self { containers, instance, options, tasks }
    }

    /// Runs it in an image, named by its identifier, on a project.
    pub(super) async fn run(
        &self,
        image: &str,
        mode: Mode,
        manifest: &str,
        lock: Option<&str>,
    ) -> Result<Ran, InstallError> {
        let certificates = match &self.options.extra_ca {
            Some(path) => {
                let read = tokio::fs::read(path).await;
                Some(read.map_err(|error| InstallError::Certificates(error.kind()))?)
            }
            None => None,
        };
        let archive = archive::project(manifest, lock, certificates.as_deref())
            .map_err(|error| InstallError::Npm(error.to_string()))?;
        let spec = self.spec(image, mode, certificates.is_some());
        let upload = Upload { at: DEPENDENCIES, archive };
        let mut container = self.containers.start(&spec, Some(upload)).await?;
        let said = Said::read(&mut container.output)
            .await
            .map_err(|error| InstallError::Docker(self.containers.connection().explain(error)))?;
        let output = std::mem::replace(&mut container.output, Box::pin(stream::empty()));
        let too_large = said.kib.saturating_mul(1024) > self.options.cache_bytes;
        match said.status.as_str() {
            "0" if too_large => Err(self.too_large()),
            "0" => {
                let connection = self.containers.connection();
                let volume = Volume::of(container, connection, &self.tasks).await?;
                Ok(Ran { volume, output, bytes: said.kib.saturating_mul(1024), lock: said.lock })
            }
            "full" => Err(self.too_large()),
            status => Err(InstallError::Npm(reason::of(status, &said.log))),
        }
    }

    const fn too_large(&self) -> InstallError {
        InstallError::TooLarge { most_mb: self.options.cache_bytes.div_ceil(1_000_000) }
    }

    fn spec(&self, image: &str, mode: Mode, with_certificates: bool) -> Spec {
        let mode = match mode {
            Mode::Resolve => "resolve",
            Mode::Install => "install",
        };
        let most = (self.options.cache_bytes.saturating_add(DOWNLOADS) / 1024).to_string();
        let script = ["/bin/sh", "-c", SCRIPT, "npm", mode, &most];
        let mut environment =
            vec!["HOME=/tmp".to_owned(), "npm_config_cache=/deps/.npm/cache".to_owned()];
        if let Some(registry) = &self.options.registry {
            environment.push(format!("npm_config_registry={registry}"));
        }
        if with_certificates {
            environment.push("NODE_EXTRA_CA_CERTS=/deps/.npm/ca.pem".to_owned());
        }
        Spec {
            role: Role::Install,
            instance: self.instance.clone(),
            image: image.to_owned(),
            command: script.into_iter().chain(FLAGS).map(ToOwned::to_owned).collect(),
            environment,
            network: Network::Bridge,
            resources: RESOURCES,
            workspace_bytes: 16 * MIB,
            workspace_exec: false,
            volumes: vec![VolumeMount {
                volume: String::new(),
                at: DEPENDENCIES,
                read_only: false,
            }],
            // Its volume is used as long as it is there.
            lifetime: None,
        }
    }
}

/// What the script says.
#[derive(Default)]
struct Said {
    status: String,
    kib: u64,
    lock: Vec<u8>,
    log: String,
}

impl Said {
    /// Reads until the script has said all, or the container ended.
    async fn read(output: &mut Output) -> Result<Self, bollard::errors::Error> {
        let (mut said, mut log) = (Vec::new(), Vec::new());
        while let Some(piece) = output.next().await {
            match piece? {
                LogOutput::StdOut { message } => {
                    said.extend_from_slice(&message);
                    if let Some(whole) = Self::parse(&said) {
                        return Ok(Self { log: text(&log), ..whole });
                    }
                }
                LogOutput::StdErr { message } => {
                    log.extend_from_slice(&message);
                    let excess = log.len().saturating_sub(LOG_BYTES);
                    log.drain(..excess);
                }
                LogOutput::StdIn { .. } | LogOutput::Console { .. } => {}
            }
        }
        Ok(Self { status: "unknown".to_owned(), log: text(&log), ..Self::default() })
    }

    /// `done STATUS KIB BYTES`, a line's end, and BYTES; `None` while anything is missing.
    fn parse(said: &[u8]) -> Option<Self> {
        let end = said.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = said.split_at_checked(end)?;
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ').skip(1);
        let status = words.next()?.to_owned();
        let kib = words.next()?.parse().unwrap_or_default();
        let bytes: usize = words.next()?.trim().parse().ok()?;
        let lock = rest.get(1..)?;
        // One that is too large is not waited for: it is refused by its size.
        if lock.len() < bytes && lock.len() <= MAX_LOCK_BYTES {
            return None;
        }
        Some(Self { status, kib, lock: lock.to_vec(), log: String::new() })
    }
}

fn text(log: &[u8]) -> String {
    String::from_utf8_lossy(log).into_owned()
}
