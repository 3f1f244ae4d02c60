//! A volume of packages, and the container that keeps it.
//!
//! The volume has no name of its own but belongs to the container that installed into it, which then only waits: when
//! the server goes away, however it does, that container ends, and the daemon removes both.

use std::sync::Mutex;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{InspectContainerOptions, RemoveVolumeOptions};
use tokio_util::task::TaskTracker;

use super::super::connection::Connection;
use super::super::container::Container;
use super::super::error::DockerError;
use super::super::spec::DEPENDENCIES;

/// A volume that a container still has can't be removed; so long it is tried.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN: Duration = Duration::from_millis(200);

/// Removed when it is dropped.
pub(super) struct Volume {
    name: String,
    keeper_id: String,
    client: Docker,
    tasks: TaskTracker,
    /// Removed with it. What it reads can't be shared, and nobody writes it.
    _keeper: Mutex<Container>,
}

impl Volume {
    /// The new volume of a container.
    pub(super) async fn of(
        keeper: Container,
        connection: &Connection,
        tasks: &TaskTracker,
    ) -> Result<Self, DockerError> {
        let client = keeper.client().clone();
        let found = client.inspect_container(keeper.id(), None::<InspectContainerOptions>).await;
        let mounts = found.map_err(|error| connection.explain(error))?.mounts;
        let mut mounts = mounts.into_iter().flatten();
        let ours = mounts.find(|mount| mount.destination.as_deref() == Some(DEPENDENCIES));
        let name = ours.and_then(|mount| mount.name);
        let name = name.ok_or_else(|| DockerError::Unkept { what: "its volume".to_owned() })?;
        let keeper_id = keeper.id().to_owned();
        Ok(Self { name, keeper_id, client, tasks: tasks.clone(), _keeper: Mutex::new(keeper) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn keeper(&self) -> &str {
        &self.keeper_id
    }
}

impl std::fmt::Debug for Volume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Drop for Volume {
    /// The daemon leaves it where another container still has it when its keeper goes.
    fn drop(&mut self) {
        let (name, client) = (std::mem::take(&mut self.name), self.client.clone());
        self.tasks.spawn(async move {
            let attempts = async {
                loop {
                    match client.remove_volume(&name, None::<RemoveVolumeOptions>).await {
                        Err(bollard::errors::Error::DockerResponseServerError {
                            status_code: 409,
                            ..
                        }) => tokio::time::sleep(BETWEEN).await,
                        other => return other,
                    }
                }
            };
            match tokio::time::timeout(PATIENCE, attempts).await {
                Ok(
                    Ok(())
                    | Err(bollard::errors::Error::DockerResponseServerError {
                        status_code: 404, ..
                    }),
                ) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a volume of packages was not removed"),
                Err(_) => tracing::warn!(volume = name, "a volume of packages is still used"),
            }
        });
    }
}
