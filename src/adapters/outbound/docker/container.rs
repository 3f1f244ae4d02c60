//! A container that this process holds: made from a [`Spec`], checked, attached and started, and removed when it is
//! dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, InspectContainerOptions,
    RemoveContainerOptionsBuilder, StartContainerOptions, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_core::Stream;
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::error::DockerError;
use super::spec::Spec;
use super::verify::verify;

/// How long the daemon may take from the description of a container to its start. One that is older and was never
/// started belongs to nobody: its server has given it up, or is gone.
pub const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// How long the daemon may take to remove one. The end of the server waits for that.
const REMOVAL: Duration = Duration::from_secs(10);

/// What the container's first process says.
pub type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;
/// What it reads: when this is dropped, it and all that runs beside it end.
pub type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// Makes containers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Containers {
    connection: Arc<Connection>,
    /// Where removals run.
    tasks: TaskTracker,
}

/// A container that runs.
pub struct Container {
    /// What its first process reads.
    pub input: Input,
    /// What its first process says.
    pub output: Output,
    /// Removes it when this is dropped.
    pub removal: Removal,
}

/// Removes a container when it is dropped.
pub struct Removal {
    id: String,
    client: Docker,
    tasks: TaskTracker,
}

/// Files to be there before a container starts, as a tar archive, below a volume of it.
#[derive(Debug)]
pub struct Upload {
    /// Where they are unpacked: a volume, for the rest is read-only.
    pub at: &'static str,
    /// The archive.
    pub archive: Vec<u8>,
}

impl Containers {
    /// Removals run on `tasks`, so that the end of the server can wait for them.
    pub fn new(connection: Arc<Connection>, tasks: &TaskTracker) -> Self {
        Self { connection, tasks: tasks.clone() }
    }

    /// The daemon that they run on.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes a container, checks that the daemon kept to its description, and starts it. When this is dropped, or fails,
    /// nothing stays.
    pub async fn start(
        &self,
        spec: &Spec,
        upload: Option<Upload>,
    ) -> Result<Container, DockerError> {
        let (mut sender, made) = oneshot::channel();
        let (containers, spec) = (self.clone(), spec.clone());
        // What a daemon was asked to make has no name to remove it by until it answers: so that is waited for, also where
        // nobody wants the container any more.
        self.tasks.spawn(async move {
            let unwanted = async {
                sender.closed().await;
                tokio::time::sleep(REMOVAL).await;
            };
            let made = tokio::select! {
                made = tokio::time::timeout(STARTED_WITHIN, containers.make(&spec, upload)) => {
                    made.unwrap_or_else(|late| Err(DockerError::Broken(late.into())))
                }
                () = unwanted => return,
            };
            // Where nobody takes it, it is dropped, and so removed.
            drop(sender.send(made));
        });
        made.await.unwrap_or_else(|error| Err(DockerError::Broken(error.into())))
    }

    async fn make(&self, spec: &Spec, upload: Option<Upload>) -> Result<Container, DockerError> {
        let client = self.connection.client().await?;
        let dialect = self.connection.dialect();
        let explain = |error| self.connection.explain(error);
        let made = client.create_container(None::<CreateContainerOptions>, spec.body(dialect));
        let made = made.await.map_err(explain)?;
        let (id, tasks) = (made.id, self.tasks.clone());
        let removal = Removal { id, client, tasks };
        let (id, client) = (removal.id.as_str(), &removal.client);
        let found = client.inspect_container(id, None::<InspectContainerOptions>);
        let found = found.await.map_err(explain)?;
        // It says so in a warning where its kernel can't.
        let swap_limited = !made.warnings.iter().any(|warning| warning.contains("swap limit"));
        verify(spec, &found, dialect, swap_limited).map_err(|what| DockerError::Unkept { what })?;
        if let Some(Upload { at, archive }) = upload {
            let options = UploadToContainerOptionsBuilder::default().path(at).build();
            let archive = bollard::body_full(Bytes::from(archive));
            client.upload_to_container(id, Some(options), archive).await.map_err(explain)?;
        }
        let all = AttachContainerOptionsBuilder::default();
        let all = all.stream(true).stdin(true).stdout(true).stderr(true).build();
        let attached = client.attach_container(id, Some(all)).await.map_err(explain)?;
        let started = client.start_container(id, None::<StartContainerOptions>);
        started.await.map_err(explain)?;
        let AttachContainerResults { output, input } = attached;
        Ok(Container { input, output, removal })
    }
}

impl Container {
    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.removal.id
    }

    /// The client that made it.
    pub const fn client(&self) -> &Docker {
        &self.removal.client
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        let (id, client) = (std::mem::take(&mut self.id), self.client.clone());
        self.tasks.spawn(async move {
            match tokio::time::timeout(REMOVAL, remove(&client, &id)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a container was not removed; it ends with its input");
                }
                Err(_) => tracing::warn!("a container was not removed in time"),
            }
        });
    }
}

/// Removes a container, whatever it does, with the volumes that are its own.
///
/// # Errors
/// The daemon could not; but not where it is gone, or the daemon itself removes it.
pub async fn remove(client: &Docker, id: &str) -> Result<(), bollard::errors::Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match client.remove_container(id, Some(options)).await {
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404 | 409, ..
        }) => Ok(()),
        other => other,
    }
}
