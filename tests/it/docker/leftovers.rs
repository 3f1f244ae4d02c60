//! What a server left behind that is gone, and what belongs to one that lives.

use std::time::Duration;

use bollard::Docker as Client;
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, RemoveContainerOptionsBuilder,
};
use dynamic_mcp::adapters::outbound::docker::labels::{Instance, Role};
use dynamic_mcp::adapters::outbound::docker::{Dialect, STARTED_WITHIN};
use dynamic_mcp::ports::Engine as _;
use futures_util::future::join_all;

use crate::contract::engine::Docker;
use crate::support::aging::{Aging, OLDER};
use crate::support::docker;
use crate::support::wait::until;

/// A container that was described to the daemon and not started, as one is whose server is killed in between.
async fn unstarted(client: &Client, role: Role, older: Duration) -> String {
    let spec = docker::idle(role, &Instance::new("a-test-of-leftovers"));
    let mut body = spec.body(Dialect::Docker);
    body.labels.as_mut().unwrap().insert(OLDER.to_owned(), older.as_secs().to_string());
    client.create_container(None::<CreateContainerOptions>, body).await.unwrap().id
}

async fn is_there(client: &Client, id: &str) -> bool {
    client.inspect_container(id, None::<InspectContainerOptions>).await.is_ok()
}

#[tokio::test]
async fn what_was_never_started_goes_when_it_is_old_and_not_while_it_is_young() {
    let client = docker::connection().client().await.unwrap();
    let young = unstarted(&client, Role::Call, Duration::ZERO).await;
    let mut old = vec![];
    for role in [Role::Call, Role::Session, Role::Install] {
        old.push(unstarted(&client, role, 2 * STARTED_WITHIN).await);
    }

    let daemon = Aging::new();
    let (engine, _) = Docker(0).on(daemon.connection());
    until(async || {
        let left = join_all(old.iter().map(|id| is_there(&client, id))).await;
        !left.contains(&true)
    })
    .await;
    assert!(is_there(&client, &young).await, "somebody is about to start it");
    engine.shutdown().await;
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    client.remove_container(&young, Some(options)).await.unwrap();
}
