//! The Docker daemon of the tests: `DOCKER_HOST` names it, or it is at the usual place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::{ExecConfig, IpamConfig};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptions, ListContainersOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveImageOptions, TopOptionsBuilder,
};
use dynamic_mcp::adapters::outbound::docker::labels::{self, Instance, Role};
use dynamic_mcp::adapters::outbound::docker::{
    Connection, Containers, DEPENDENCIES, Dependencies, DependencyOptions, DockerEnvironment,
    Images, Network, Resources, Spec, VolumeMount,
};
use dynamic_mcp::domain::image::{AllowedImages, ContainerImage};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A connection to it.
pub(crate) fn connection() -> Connection {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    Connection::new(DockerEnvironment { host, ..DockerEnvironment::new(None) })
}

/// The certificates that this machine trusts: where a proxy stands before the registry, its own is among them.
pub(crate) fn extra_ca() -> Option<PathBuf> {
    let file = Path::new("/etc/ssl/certs/ca-certificates.crt");
    file.is_file().then(|| file.to_owned())
}

/// The network of its containers that have one, on which this machine has the address of the gateway.
pub(crate) async fn bridge() -> IpamConfig {
    let client = connection().client().await.unwrap();
    let ipam = client.inspect_network("bridge", None).await.unwrap().ipam.unwrap();
    let configs = ipam.config.unwrap();
    configs
        .into_iter()
        .find(|config| config.gateway.as_deref().is_some_and(|it| !it.contains(':')))
        .unwrap()
}

/// An installer of packages.
pub(crate) fn dependencies(
    daemon: Connection,
    instance: &Instance,
    options: DependencyOptions,
    tasks: &TaskTracker,
    stopped: &CancellationToken,
) -> Dependencies {
    let connection = Arc::new(daemon);
    let images = Images::new(Arc::clone(&connection), AllowedImages::default(), tasks, stopped);
    let containers = Containers::new(connection, tasks);
    Dependencies::new(containers, images, instance.clone(), options, tasks, stopped)
}

/// Removes an image, if it is there.
pub(crate) async fn remove_image(image: &ContainerImage) {
    let client = connection().client().await.unwrap();
    client.remove_image(image.as_str(), None::<RemoveImageOptions>, None).await.ok();
}

/// What Node prints of a script, in a container like those of calls, with a volume of packages.
pub(crate) async fn run_with(volume: &str, script: &str) -> String {
    let spec = Spec {
        command: ["node", "-e", script].map(ToOwned::to_owned).into(),
        resources: Resources { memory_bytes: 256 << 20, millicpus: 1000 },
        volumes: vec![VolumeMount { volume: volume.to_owned(), at: DEPENDENCIES, read_only: true }],
        ..idle(Role::Call, &Instance::new("a-test-of-packages"))
    };
    let tasks = TaskTracker::new();
    let containers = Containers::new(Arc::new(connection()), &tasks);
    let mut container = containers.start(&spec, None).await.unwrap();
    let mut printed = String::new();
    while let Some(piece) = container.output.next().await {
        let (LogOutput::StdOut { message } | LogOutput::StdErr { message }) = piece.unwrap() else {
            continue;
        };
        printed.push_str(&String::from_utf8_lossy(&message));
    }
    drop(container);
    tasks.close();
    tasks.wait().await;
    printed
}

fn of_instance(instance: &Instance) -> HashMap<String, Vec<String>> {
    let label = format!("{}={}", labels::INSTANCE, instance.as_str());
    HashMap::from([("label".to_owned(), vec![label])])
}

/// Comes back when no container and no volume of an instance is left.
pub(crate) async fn nothing_left_of(instance: &Instance) {
    gone(instance, true).await;
}

/// Comes back when nothing of an instance runs. A container that was never started when its server was killed is for
/// the reaper of the next server.
pub(crate) async fn nothing_runs_of(instance: &Instance) {
    gone(instance, false).await;
}

async fn gone(instance: &Instance, with_what_is_still: bool) {
    let client = connection().client().await.unwrap();
    let filters = of_instance(instance);
    for _ in 0..900 {
        let options = ListContainersOptionsBuilder::default();
        let options = options.all(with_what_is_still).filters(&filters).build();
        let containers = client.list_containers(Some(options)).await.unwrap();
        let mut left: Vec<_> =
            containers.into_iter().filter_map(|container| container.id).collect();
        if with_what_is_still {
            let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
            let volumes = client.list_volumes(Some(options)).await.unwrap().volumes;
            left.extend(volumes.into_iter().flatten().map(|volume| volume.name));
        }
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("something of the instance stays");
}

/// Kills the containers of an instance, as a daemon does that ends.
pub(crate) async fn kill_containers_of(instance: &Instance) {
    let client = connection().client().await.unwrap();
    let filters = of_instance(instance);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for container in client.list_containers(Some(options)).await.unwrap() {
        let id = container.id.unwrap();
        client.kill_container(&id, None::<KillContainerOptions>).await.ok();
    }
}

/// Whether a volume is there.
pub(crate) async fn has_volume(name: &str) -> bool {
    connection().client().await.unwrap().inspect_volume(name).await.is_ok()
}

/// Comes back when a volume is gone.
pub(crate) async fn volume_goes(name: &str) {
    for _ in 0..300 {
        if !has_volume(name).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the volume stays");
}

/// The names of the programs that run in the one container of an instance.
pub(crate) async fn processes_of(instance: &Instance) -> Vec<String> {
    let client = connection().client().await.unwrap();
    let filters = of_instance(instance);
    let options = ListContainersOptionsBuilder::default().filters(&filters).build();
    let containers = client.list_containers(Some(options)).await.unwrap();
    let id = containers[0].id.clone().unwrap();
    let options = TopOptionsBuilder::default().ps_args("-eo pid,comm").build();
    let top = client.top_processes(&id, Some(options)).await.unwrap();
    let rows = top.processes.unwrap_or_default();
    rows.into_iter().map(|row| row.last().unwrap().clone()).collect()
}

/// What a command prints as the user of code, in the one container of an instance that runs.
pub(crate) async fn exec_in(instance: &Instance, command: &str) -> String {
    let client = connection().client().await.unwrap();
    let filters = of_instance(instance);
    let options = ListContainersOptionsBuilder::default().filters(&filters).build();
    let containers = client.list_containers(Some(options)).await.unwrap();
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(["sh", "-c", command].map(ToOwned::to_owned).into()),
        user: Some("node".to_owned()),
        ..ExecConfig::default()
    };
    let id = containers[0].id.as_deref().unwrap();
    let exec = client.create_exec(id, config).await.unwrap().id;
    let StartExecResults::Attached { output, .. } = client.start_exec(&exec, None).await.unwrap()
    else {
        panic!("not attached");
    };
    let pieces = output.map(|piece| piece.unwrap().to_string()).collect::<Vec<_>>();
    pieces.await.concat()
}

/// Comes back when a program of this name runs in the one container of an instance.
pub(crate) async fn process_comes(instance: &Instance, name: &str) {
    for _ in 0..600 {
        if processes_of(instance).await.iter().any(|program| program == name) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} does not run");
}

/// What the built server has to be told: where the daemon is, and whose certificates npm may trust.
pub(crate) fn settings() -> Vec<(&'static str, std::ffi::OsString)> {
    let host = std::env::var_os("DOCKER_HOST").map(|host| ("DOCKER_HOST", host));
    let ca = extra_ca().map(|file| ("MCP_SANDBOX_EXTRA_CA_FILE", file.into_os_string()));
    host.into_iter().chain(ca).collect()
}

/// The server that made a container.
pub(crate) async fn instance_of(container: &str) -> Instance {
    let client = connection().client().await.unwrap();
    let found = client.inspect_container(container, None::<InspectContainerOptions>).await.unwrap();
    Instance::new(&found.config.unwrap().labels.unwrap()[labels::INSTANCE])
}

/// A small container that does nothing until its input ends.
pub(crate) fn idle(role: Role, instance: &Instance) -> Spec {
    Spec {
        role,
        instance: instance.clone(),
        image: "node:lts-slim".to_owned(),
        command: vec!["cat".to_owned()],
        environment: vec![],
        network: Network::None,
        resources: Resources { memory_bytes: 64 << 20, millicpus: 1000 },
        workspace_bytes: 1 << 20,
        workspace_exec: false,
        volumes: vec![],
        lifetime: None,
    }
}
