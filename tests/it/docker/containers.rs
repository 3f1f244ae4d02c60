//! Containers, whoever waits for them.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::docker::labels::{Instance, Role};
use dynamic_mcp::adapters::outbound::docker::{Containers, DockerError, Spec};
use dynamic_mcp::domain::image::ContainerImage;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::{docker, peer};

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

#[tokio::test]
async fn one_with_a_volume_that_its_image_declares_is_not_used() {
    let image = ContainerImage::parse("dynamic-mcp-test-volume:latest").unwrap();
    let import =
        "tar -c -T /dev/null | docker import --change 'VOLUME /data' - dynamic-mcp-test-volume";
    peer::run("sh", &["-c", import]).await;
    let instance = Instance::new(&Uuid::new_v4().to_string());
    let spec = Spec { image: image.to_string(), ..docker::idle(Role::Call, &instance) };
    let tasks = TaskTracker::new();
    let containers = Containers::new(Arc::new(docker::connection()), &tasks);
    let refused = containers.start(&spec, None).await.err().unwrap();
    assert!(matches!(refused, DockerError::Unkept { .. }), "{refused}");
    assert!(refused.to_string().contains("volumes that its image declares"), "{refused}");
    tasks.close();
    tasks.wait().await;
    docker::nothing_left_of(&instance).await;
    docker::remove_image(&image).await;
}
