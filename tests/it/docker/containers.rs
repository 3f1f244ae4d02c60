//! Containers, whoever waits for them.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::docker::Containers;
use dynamic_mcp::adapters::outbound::docker::labels::{Instance, Role};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::docker;

#[tokio::test]
async fn one_that_nobody_waits_for_any_more_is_removed() {
    let instance = Instance::new(&Uuid::new_v4().to_string());
    let spec = docker::idle(Role::Session, &instance);
    let tasks = TaskTracker::new();
    let containers = Containers::new(Arc::new(docker::connection()), &tasks);
    // Wherever it is on its way: asked for, made, or started.
    for ms in [0, 2, 5, 10, 20, 40, 80, 160] {
        drop(tokio::time::timeout(Duration::from_millis(ms), containers.start(&spec, None)).await);
    }
    tasks.close();
    tasks.wait().await;
    docker::nothing_left_of(&instance).await;
}
