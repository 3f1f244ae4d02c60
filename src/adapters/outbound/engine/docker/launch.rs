//! Makes containers that are ready for a call.

use std::sync::Arc;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptions};
use futures_util::TryFutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::protocol::{FromWorker, MAX_MESSAGE};
use super::super::road::{Hearing, Road};
use super::container::{Attached, Container, Held, Hold, SEAL};
use super::daemon::Watch;
use crate::adapters::outbound::docker::labels::{Instance, Role};
use crate::adapters::outbound::docker::{
    Connection, DEPENDENCIES, DockerError, Network, Resources, Spec, VolumeMount, verify,
};
use crate::ports::BoxError;

const BOOT: &str = include_str!("boot.sh");
const CORE: &str = include_str!("../core.js");
const PRINT: &str = include_str!("print.js");
const RUNNER: &str = include_str!("runner.js");

/// How long a container may take to be ready.
const START: Duration = Duration::from_secs(60);
/// Longer than any container waits for a call and runs it.
const LIFETIME: Duration = Duration::from_mins(20);
/// Size of the workspace.
const WORKSPACE_BYTES: u64 = 64 << 20;
/// Of what a container printed before it failed, in bytes.
const EXCERPT: usize = 300;

/// Containers of a kind are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// The image.
    pub(super) image: String,
    /// The volume with its packages.
    pub(super) packages: Option<String>,
}

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    /// The daemon is away or refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The daemon does not have the image.
    #[error("the image '{0}' is not on the Docker host; `docker pull {0}` brings it there")]
    NoImage(String),
    /// The daemon made something else than was asked.
    #[error("the Docker daemon made a container without {0}; it was not used")]
    Walls(String),
    /// The container ended before it was ready, or was not in time.
    #[error("a container of the image '{image}' did not get ready: {why}")]
    NotReady {
        /// The image.
        image: String,
        /// What it said.
        why: String,
    },
    /// The system has no randomness.
    #[error("no random numbers: {0}")]
    Random(BoxError),
}

/// See the module.
pub(super) struct Launcher {
    pub(super) connection: Arc<Connection>,
    pub(super) watch: Arc<Watch>,
    pub(super) instance: Instance,
    pub(super) resources: Resources,
    pub(super) held: Arc<Held>,
    /// So many at once: a daemon that makes more does none of them sooner.
    pub(super) turns: Arc<Semaphore>,
}

impl Launcher {
    /// Waits for a turn to make one.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Makes one and waits until it is ready.
    pub(super) async fn launch(&self, kind: &Kind) -> Result<Container, LaunchError> {
        match tokio::time::timeout(START, self.make(kind)).await {
            Ok(made) => made,
            Err(_) => Err(LaunchError::NotReady {
                image: kind.image.clone(),
                why: format!("it took longer than {} s", START.as_secs()),
            }),
        }
    }

    async fn make(&self, kind: &Kind) -> Result<Container, LaunchError> {
        let daemon = self.watch.daemon(&self.connection).await?;
        let client = self.connection.client().await?;
        let explain = |error| LaunchError::Docker(self.connection.explain(error));
        let (nonce, seal) = (random()?, letters(random()?));
        let spec = self.spec(kind, seal);
        let made = client.create_container(None::<CreateContainerOptions>, spec.body()).await;
        let made = made.map_err(|error| match self.connection.explain(error) {
            DockerError::Refused { status: 404, message } if message.contains("o such image") => {
                LaunchError::NoImage(kind.image.clone())
            }
            error => error.into(),
        })?;
        let hold = Hold::new(&self.held, made.id);
        let all = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        // Attached before it starts: what it says first would be lost otherwise.
        let attach = client.attach_container(hold.id(), Some(all)).map_err(explain);
        let inspect = client.inspect_container(hold.id(), None).map_err(explain);
        let (attached, found): (_, ContainerInspectResponse) =
            futures_util::future::try_join(attach, inspect).await?;
        verify(&spec, &found, daemon.swap_limited).map_err(LaunchError::Walls)?;
        client.start_container(hold.id(), None).await.map_err(explain)?;
        let ears = Attached::new(attached.output);
        let mut container = Container { ears, mouth: attached.input, nonce, seal, _hold: hold };
        let mut road = Road::to_listen(&mut container, MAX_MESSAGE);
        let heard = loop {
            match road.pass().await {
                Hearing::Printed(_) => {}
                heard => break heard,
            }
        };
        if let Hearing::Frame(frame) = heard
            && matches!(FromWorker::decode(frame), Some(FromWorker::Ready(_)))
        {
            return Ok(container);
        }
        let why = excerpt(container.ears.tail());
        Err(LaunchError::NotReady { image: kind.image.clone(), why })
    }

    fn spec(&self, kind: &Kind, seal: [u8; SEAL]) -> Spec {
        // What is not on V8's heap needs room as well: buffers, code, the process itself.
        let heap_mib = (self.resources.memory_bytes * 5 / 8) >> 20;
        let seal = String::from_utf8_lossy(&seal);
        let script = format!("({RUNNER})(({CORE}),({PRINT}),\"{seal}\")");
        let command = ["/bin/sh", "-c", BOOT, "sandbox", &seal, "node"];
        let options = [format!("--max-old-space-size={heap_mib}"), "-e".to_owned(), script];
        let packages = kind.packages.iter().map(|volume| VolumeMount {
            volume: volume.clone(),
            at: DEPENDENCIES,
            read_only: true,
        });
        Spec {
            role: Role::Call,
            instance: self.instance.clone(),
            image: kind.image.clone(),
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

fn random() -> Result<[u8; SEAL], LaunchError> {
    let mut bytes = [0; SEAL];
    getrandom::fill(&mut bytes).map_err(|error| LaunchError::Random(error.to_string().into()))?;
    Ok(bytes)
}

/// Random bytes as characters that mean nothing to a shell or a script.
fn letters(bytes: [u8; SEAL]) -> [u8; SEAL] {
    bytes.map(|byte| b'a' + byte % 26)
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
