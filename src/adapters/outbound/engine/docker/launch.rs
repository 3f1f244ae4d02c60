//! Makes containers that are ready for a call.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::super::channel::{Channel, Received};
use super::super::protocol::{FromWorker, MAX_MESSAGE};
use super::container::{Held, Ready, SEAL};
use super::daemon::Watch;
use super::pool::Maker;
use crate::adapters::outbound::docker::labels::{Instance, Role};
use crate::adapters::outbound::docker::random;
use crate::adapters::outbound::docker::{
    Containers, DEPENDENCIES, DockerError, Installed, Network, Resources, Spec, VolumeMount,
};
use crate::domain::image::ContainerImage;

const BOOT: &str = include_str!("boot.sh");
const CORE: &str = include_str!("../core.js");
const PRINT: &str = include_str!("print.js");
const FETCH: &str = include_str!("fetch.js");
const RUNNER: &str = include_str!("runner.js");

/// How long a container may take to be ready.
const START: Duration = Duration::from_mins(1);
/// Longer than any container waits for a call and runs it.
const LIFETIME: Duration = Duration::from_mins(20);
/// Size of the workspace.
const WORKSPACE_BYTES: u64 = 64 << 20;
/// Of what a container printed before it failed, in bytes.
const EXCERPT: usize = 300;

/// Containers of a kind are alike. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// The image, as it is called.
    pub(super) image: ContainerImage,
    /// Its identifier.
    pub(super) id: Arc<str>,
    /// The packages in it.
    pub(super) packages: Option<Arc<Installed>>,
}

impl Kind {
    fn key(&self) -> (&str, Option<&str>) {
        (&self.id, self.packages.as_ref().map(|packages| packages.volume()))
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    /// The daemon is away, refused, or made something else than was asked.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The container ended before it was ready, or was not in time.
    #[error("a container of the image '{image}' did not get ready: {why}")]
    NotReady {
        /// The image.
        image: ContainerImage,
        /// What it said.
        why: String,
    },
    /// The system has no randomness.
    #[error("no random numbers: {0}")]
    Random(#[from] std::io::Error),
}

/// See the module.
pub(super) struct Launcher {
    pub(super) containers: Containers,
    pub(super) watch: Arc<Watch>,
    pub(super) instance: Instance,
    pub(super) resources: Resources,
    pub(super) held: Arc<Held>,
}

impl Maker for Launcher {
    type Made = Ready;

    async fn make(&self, kind: &Kind) -> Result<Ready, LaunchError> {
        tokio::time::timeout(START, self.launch(kind)).await.unwrap_or_else(|_| {
            let why = format!("it took longer than {} s", START.as_secs());
            Err(LaunchError::NotReady { image: kind.image.clone(), why })
        })
    }

    fn learn(&self, outcome: Result<(), &LaunchError>) {
        let Err(error) = outcome else { return self.watch.accept() };
        if !matches!(error, LaunchError::Docker(_)) {
            self.watch.refuse(error.to_string());
        }
        self.watch.doubt();
    }
}

impl Launcher {
    async fn launch(&self, kind: &Kind) -> Result<Ready, LaunchError> {
        let (nonce, seal) = (random::bytes()?, random::letters()?);
        let container = self.containers.start(&self.spec(kind, seal), None).await?;
        let hold = self.held.hold(container.id());
        let mut ready = Ready::new(container, nonce, seal, hold);
        let mut channel = Channel::receiving(&mut ready, MAX_MESSAGE);
        let received = loop {
            match channel.receive().await {
                Received::Printed(_) => {}
                received => break received,
            }
        };
        if let Received::Frame(frame) = received
            && matches!(FromWorker::decode(frame), Some(FromWorker::Ready(_)))
        {
            return Ok(ready);
        }
        let why = excerpt(ready.tail());
        Err(LaunchError::NotReady { image: kind.image.clone(), why })
    }

    fn spec(&self, kind: &Kind, seal: [u8; SEAL]) -> Spec {
        // What is not on V8's heap needs room as well: buffers, code, the process itself.
        let heap_mib = (self.resources.memory_bytes * 5 / 8) >> 20;
        let seal = String::from_utf8_lossy(&seal);
        let [runner, core, print, fetch] = [RUNNER, CORE, PRINT, FETCH].map(expression);
        let script = format!("({runner})(({core}),({print}),({fetch}),\"{seal}\")");
        let command = ["/bin/sh", "-c", BOOT, "sandbox", &seal, "node"];
        let options = [format!("--max-old-space-size={heap_mib}"), "-e".to_owned(), script];
        let packages = kind.packages.iter().map(|packages| VolumeMount {
            volume: packages.volume().to_owned(),
            at: DEPENDENCIES,
            read_only: true,
        });
        Spec {
            role: Role::Call,
            instance: self.instance.clone(),
            image: kind.id.to_string(),
            command: command.into_iter().map(str::to_owned).chain(options).collect(),
            environment: vec!["NODE_OPTIONS=".to_owned(), "HOME=/tmp".to_owned()],
            network: Network::None,
            resources: self.resources,
            workspace_bytes: WORKSPACE_BYTES,
            workspace_exec: false,
            volumes: packages.collect(),
            lifetime: Some(LIFETIME),
        }
    }
}

/// A script that is one statement, as an expression.
fn expression(script: &str) -> &str {
    script.trim_end().trim_end_matches(';')
}

/// What a container printed, as part of a sentence.
fn excerpt(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.as_str() {
        "" => "it ended without a word".to_owned(),
        words => words.chars().take(EXCERPT).collect(),
    }
}
