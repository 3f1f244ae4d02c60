//! Interactive sandboxes in containers, behind the port [`SandboxHost`].
//!
//! The first process of such a container only waits for the end of its input, so that the sandbox goes when the server
//! does. It has a user of its own, so that no program reaches it. Programs are run beside it, one at a time; one that
//! runs over its time is killed together with everything else that its session runs, because only that is sure to reach
//! whatever it started.

mod captured;
mod exec;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::container::LogOutput;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::container::{Container, Containers, Input};
use super::dependencies::Dependencies;
use super::error::DockerError;
use super::images::Images;
use super::labels::{Instance, Role};
use super::spec::{Network, Resources, Spec};
use crate::domain::image::ContainerImage;
use crate::domain::sandbox::{Program, ProgramLimits, ProgramOutput};
use crate::ports::{ProgressFn, Sandbox, SandboxError, SandboxHost};

/// Largest workspace, in bytes; it is in the container's memory.
const WORKSPACE_BYTES: u64 = 256 << 20;
/// Waits for the end of its input. Orphans that ended are its to reap, and count among the processes that there may be
/// until it does so, which is with every line that comes.
const WAIT: &str = "while read -r line; do jobs; done";
/// How long it may take to be told something.
const TELL: Duration = Duration::from_secs(1);

/// How sessions are set up.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// `MCP_SANDBOX_SESSION_NETWORK`.
    pub network: Network,
    /// `MCP_SANDBOX_MEMORY_LIMIT` and `MCP_SANDBOX_CPU_LIMIT`.
    pub resources: Resources,
}

/// Starts sandboxes in containers.
pub struct DockerSandboxes {
    containers: Containers,
    images: Images,
    dependencies: Dependencies,
    instance: Instance,
    options: SessionOptions,
    tasks: TaskTracker,
}

impl DockerSandboxes {
    /// What goes on in the background runs on `tasks`.
    pub fn new(
        containers: Containers,
        images: Images,
        dependencies: Dependencies,
        instance: Instance,
        options: SessionOptions,
        tasks: &TaskTracker,
    ) -> Self {
        Self { containers, images, dependencies, instance, options, tasks: tasks.clone() }
    }

    fn spec(&self, image: String) -> Spec {
        let memory = self.options.resources.memory_bytes;
        Spec {
            role: Role::Session,
            instance: self.instance.clone(),
            image,
            command: ["/bin/sh", "-c", WAIT].map(ToOwned::to_owned).into(),
            environment: vec!["HOME=/workspace".to_owned()],
            network: self.options.network,
            resources: self.options.resources,
            workspace_bytes: WORKSPACE_BYTES.min(memory / 2),
            workspace_exec: true,
            volumes: vec![],
            lifetime: None,
        }
    }
}

#[async_trait]
impl SandboxHost for DockerSandboxes {
    async fn start(&self, image: &ContainerImage) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let unavailable =
            |error: &dyn std::error::Error| SandboxError::Unavailable(error.to_string());
        let id = self.images.id(image).await.map_err(|error| unavailable(&error))?;
        let started = self.containers.start(&self.spec(id), None).await;
        let mut container = started.map_err(|error: DockerError| unavailable(&error))?;
        let mut output =
            std::mem::replace(&mut container.output, Box::pin(futures_util::stream::empty()));
        let input = std::mem::replace(&mut container.input, Box::pin(tokio::io::sink()));
        let ended = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&ended);
        // It says nothing; its output ends when it does.
        self.tasks.spawn(async move {
            while let Some(Ok(LogOutput::StdOut { .. } | LogOutput::StdErr { .. })) =
                output.next().await
            {}
            tell.store(true, Ordering::Release);
        });
        Ok(Arc::new(DockerSandbox {
            inner: Arc::new(Inner {
                id: container.id().to_owned(),
                client: container.client().clone(),
                container: std::sync::Mutex::new(Some(container)),
                input: Mutex::new(input),
                packages: Mutex::default(),
                ended,
            }),
            image: image.clone(),
            dependencies: self.dependencies.clone(),
            tasks: self.tasks.clone(),
        }))
    }
}

/// One sandbox.
struct DockerSandbox {
    inner: Arc<Inner>,
    image: ContainerImage,
    dependencies: Dependencies,
    tasks: TaskTracker,
}

/// What a running program needs of it.
struct Inner {
    id: String,
    client: bollard::Docker,
    container: std::sync::Mutex<Option<Container>>,
    /// What its first process reads.
    input: Mutex<Input>,
    /// Held by the program that runs: the sets of packages that are in the workspace.
    packages: Mutex<HashSet<String>>,
    ended: Arc<AtomicBool>,
}

impl Inner {
    /// Has orphans reaped that ended.
    async fn reap(&self) {
        let mut input = self.input.lock().await;
        let told = async {
            input.write_all(b"\n").await?;
            input.flush().await
        };
        // Where it can't be told, it has ended, and its output says so.
        drop(tokio::time::timeout(TELL, told).await);
    }

    /// Ends it, because what runs in it can't be stopped otherwise.
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        drop(self.container.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[async_trait]
impl Sandbox for DockerSandbox {
    async fn run(
        &self,
        program: Program,
        limits: ProgramLimits,
        progress: &ProgressFn<'_>,
        cancel: &CancellationToken,
    ) -> Result<ProgramOutput, SandboxError> {
        let packages = match &program {
            Program::JavaScript { dependencies, .. } if !dependencies.is_empty() => {
                let installed =
                    self.dependencies.installed(&self.image, dependencies, None, progress);
                let installed = tokio::select! {
                    installed = installed => installed,
                    () = cancel.cancelled() => return Err(SandboxError::Cancelled),
                };
                Some(installed.map_err(|error| SandboxError::Failed(error.failure()))?)
            }
            _ => None,
        };
        let cancel = cancel.child_token();
        // Goes on until the program is dead, also where nobody waits for that any more.
        let run = exec::run(Arc::clone(&self.inner), program, packages, limits, cancel.clone());
        let _cancel = cancel.drop_guard();
        let ran = self.tasks.spawn(run).await;
        ran.map_err(|error| SandboxError::Ended(error.to_string()))?
    }

    fn has_ended(&self) -> bool {
        self.inner.ended.load(Ordering::Acquire)
    }
}
