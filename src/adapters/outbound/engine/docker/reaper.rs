//! Removes containers that nobody needs any more.
//!
//! Most remove themselves: see the lease in [`Spec`](crate::adapters::outbound::docker::Spec). What is left then
//! is what a daemon could not finish, and what a broken connection kept alive. A container that runs is its
//! server's, for as long as the server holds its input; so that no server ever has to find out whether another
//! one lives, on this machine or elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;
use chrono::DateTime;

use super::container::Held;
use crate::adapters::outbound::docker::labels::{INSTANCE, Instance, LIFETIME, ROLE, Role};
use crate::adapters::outbound::docker::{self, STARTED_WITHIN};

/// A container younger than this may be on its way to whoever makes it, in seconds. With the time until the next
/// sweep, what nobody needs is gone in less than a minute.
const YOUNG: i64 = 35;
const _: () = assert!(YOUNG as u64 > STARTED_WITHIN.as_secs());

/// Whose containers are kept.
pub(super) struct Reaper {
    /// This server.
    pub(super) instance: Instance,
    /// What it holds.
    pub(super) held: Arc<Held>,
}

impl Reaper {
    /// Removes what nobody needs.
    pub(super) async fn sweep(&self, client: &Docker) -> Result<(), bollard::errors::Error> {
        let containers = list(client, INSTANCE).await?;
        if containers.is_empty() {
            return Ok(());
        }
        // Ages are counted by the daemon's clock alone.
        let time = client.info().await?.system_time.unwrap_or_default();
        let Ok(now) = DateTime::parse_from_rfc3339(&time) else { return Ok(()) };
        for container in containers {
            if let Some(id) = &container.id
                && self.is_left(&container, now.timestamp())
            {
                tracing::info!(container = id, "removing a container that nobody needs any more");
                remove(client, id).await;
            }
        }
        Ok(())
    }

    /// Removes every container that this server has made for calls.
    pub(super) async fn clear(&self, client: &Docker) -> Result<(), bollard::errors::Error> {
        let mine = format!("{INSTANCE}={}", self.instance.as_str());
        for container in list(client, &mine).await? {
            if let Some(id) = &container.id
                && role(&container) == Some(Role::Call.as_str())
            {
                remove(client, id).await;
            }
        }
        Ok(())
    }

    /// Whether a container was left behind.
    fn is_left(&self, container: &ContainerSummary, now: i64) -> bool {
        let age = now - container.created.unwrap_or(now);
        if age < YOUNG {
            return false;
        }
        if container.state == Some(ContainerSummaryStateEnum::CREATED) {
            return true;
        }
        let label = |name| label(container, name);
        if label(INSTANCE) == Some(self.instance.as_str()) {
            // Sessions and installations of this server are kept by who made them.
            return label(ROLE) == Some(Role::Call.as_str())
                && !container.id.as_ref().is_some_and(|id| self.held.holds(id));
        }
        match container.state {
            Some(
                ContainerSummaryStateEnum::RUNNING
                | ContainerSummaryStateEnum::PAUSED
                | ContainerSummaryStateEnum::RESTARTING,
            ) => {
                let lifetime = label(LIFETIME).and_then(|seconds| seconds.parse::<i64>().ok());
                lifetime.is_some_and(|lifetime| age > lifetime.saturating_add(YOUNG))
            }
            _ => true,
        }
    }
}

fn label<'a>(container: &'a ContainerSummary, name: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(name).map(String::as_str)
}

fn role(container: &ContainerSummary) -> Option<&str> {
    label(container, ROLE)
}

async fn list(
    client: &Docker,
    label: &str,
) -> Result<Vec<ContainerSummary>, bollard::errors::Error> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    client.list_containers(Some(options)).await
}

/// Most have gone by themselves.
async fn remove(client: &Docker, id: &str) {
    if let Err(error) = docker::remove(client, id).await {
        tracing::debug!(%error, container = id, "a container could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: i64 = 1_000_000;

    fn container(
        instance: &str,
        role: Role,
        state: ContainerSummaryStateEnum,
        age: i64,
        lifetime: Option<Duration>,
    ) -> ContainerSummary {
        let instance = Instance::new(instance);
        ContainerSummary {
            id: Some("c".to_owned()),
            labels: Some(docker::labels::of(&instance, role, lifetime)),
            state: Some(state),
            created: Some(NOW - age),
            ..Default::default()
        }
    }

    #[test]
    fn what_runs_is_its_servers_until_nobody_can_need_it() {
        use ContainerSummaryStateEnum::{CREATED, DEAD, EXITED, RUNNING};
        let held = Arc::new(Held::default());
        let reaper = Reaper { instance: Instance::new("mine"), held };
        let hour = Some(Duration::from_hours(1));
        for (whose, role, state, age, lifetime, left) in [
            ("theirs", Role::Call, RUNNING, 40, hour, false),
            ("theirs", Role::Call, RUNNING, 3_000, hour, false),
            ("theirs", Role::Call, RUNNING, 3_700, hour, true),
            ("theirs", Role::Session, RUNNING, 900_000, None, false),
            ("theirs", Role::Call, CREATED, 30, hour, false),
            ("theirs", Role::Call, CREATED, 40, hour, true),
            ("theirs", Role::Session, CREATED, 40, None, true),
            ("theirs", Role::Session, EXITED, 90, None, true),
            ("theirs", Role::Call, DEAD, 90, hour, true),
            ("mine", Role::Call, RUNNING, 20, hour, false),
            ("mine", Role::Call, RUNNING, 90, hour, true),
            ("mine", Role::Session, RUNNING, 90, None, false),
            ("mine", Role::Session, CREATED, 20, None, false),
            ("mine", Role::Session, CREATED, 90, None, true),
            ("mine", Role::Install, RUNNING, 90, hour, false),
        ] {
            let found = container(whose, role, state, age, lifetime);
            assert_eq!(reaper.is_left(&found, NOW), left, "{whose} {role:?} {state:?} {age}");
        }
    }

    #[test]
    fn what_is_held_is_kept() {
        let held = Arc::new(Held::default());
        let reaper = Reaper { instance: Instance::new("mine"), held: Arc::clone(&held) };
        let found = container("mine", Role::Call, ContainerSummaryStateEnum::RUNNING, 90, None);
        let hold = held.hold("c");
        assert!(!reaper.is_left(&found, NOW));
        drop(hold);
        assert!(reaper.is_left(&found, NOW));
    }
}
