//! What may happen to an installation of npm packages: scripts, false archives, and ends of all kinds in the midst of it.

use std::sync::Arc;

use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptions};
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{Job, Returned};
use dynamic_mcp::domain::tool::Dependency;
use dynamic_mcp::ports::Engine as _;
use tokio_util::sync::CancellationToken;

use super::dependencies::Place;
use crate::contract::engine::{Docker, ample, job};
use crate::support::docker;
use crate::support::dockerd::Daemon;
use crate::support::host::RecordingHost;
use crate::support::packages::Packages;
use crate::support::wait::until;

const CACHE: u64 = 1 << 30;
const WANTED: [(&str, &str); 1] = [("one", "1.0.0")];

/// What is in the folder of packages.
const LIST: &str = "console.log(require('fs').readdirSync('/deps/node_modules').join())";

#[tokio::test]
async fn scripts_of_packages_are_not_run() {
    let packages = Packages::start().await;
    let place = Place::from_registry(Some(packages.url()), CACHE);
    let installed = place.install(&[("one", "1.0.0"), ("two", "^1.0.0")], None).await.unwrap();
    let found = docker::run_with(installed.volume(), LIST).await;
    assert_eq!(found.trim(), ".package-lock.json,one,two");
    drop(installed);
    place.end().await;
}

#[tokio::test]
async fn what_is_not_what_the_lock_says_is_not_installed() {
    let packages = Packages::start().await;
    let place = Place::from_registry(Some(packages.url()), CACHE);
    let lock = place.install(&WANTED, None).await.unwrap().lock.clone();
    place.end().await;

    packages.fill(b"something else".to_vec());
    let place = Place::from_registry(Some(packages.url()), CACHE);
    let failure = place.install(&WANTED, Some(&lock)).await.unwrap_err().failure();
    assert_eq!(failure.code, ErrorCode::DependencyFailed);
    assert!(failure.message.contains("EINTEGRITY"), "{failure}");
    place.end().await;
}

#[tokio::test]
async fn half_an_installation_is_never_used() {
    let packages = Packages::start().await;
    let place = Place::from_registry(Some(packages.url()), CACHE);
    packages.hold(true);
    let death = async {
        packages.asked(1).await;
        docker::kill_containers_of(&place.instance).await;
    };
    let (failed, ()) = tokio::join!(place.install(&WANTED, None), death);
    assert_eq!(failed.unwrap_err().failure().code, ErrorCode::DependencyFailed);
    docker::nothing_left_of(&place.instance).await;

    packages.hold(false);
    let installed = place.install(&WANTED, None).await.unwrap();
    let one =
        docker::run_with(installed.volume(), "console.log(require('/deps/node_modules/one'))");
    assert_eq!(one.await.trim(), "one");
    drop(installed);
    place.end().await;
}

#[tokio::test]
async fn npm_cannot_look_into_the_process_that_waits_for_the_end_of_the_server() {
    let packages = Packages::start().await;
    let place = Place::from_registry(Some(packages.url()), CACHE);
    packages.hold(true);
    let look = async {
        packages.asked(1).await;
        let looked = docker::exec_in(&place.instance, "ls /proc/1/fd || ls /proc/self/fd").await;
        packages.hold(false);
        looked
    };
    let (installed, looked) = tokio::join!(place.install(&WANTED, None), look);
    installed.unwrap();
    assert!(looked.contains("Permission denied") && looked.contains('0'), "{looked}");
    place.end().await;
}

#[tokio::test]
async fn the_end_of_the_server_ends_an_installation() {
    let packages = Packages::start().await;
    let place = Arc::new(Place::from_registry(Some(packages.url()), CACHE));
    packages.hold(true);
    let installing = tokio::spawn({
        let place = Arc::clone(&place);
        async move { place.install(&WANTED, None).await }
    });
    packages.asked(1).await;
    place.stop();
    let failure = installing.await.unwrap().unwrap_err().failure();
    assert_eq!(failure.code, ErrorCode::EngineUnavailable, "{failure}");
    Arc::into_inner(place).unwrap().end().await;
}

#[tokio::test]
async fn a_call_that_is_cancelled_during_the_installation_ends_and_the_next_one_has_its_packages() {
    let packages = Packages::start().await;
    let (engine, _) = Docker(0).with_packages(docker::connection(), Some(packages.url()));
    let wanted = || Job {
        dependencies: Arc::new([Dependency { name: "one".into(), version: "1.0.0".into() }]),
        ..job("return require('one')", "{}", ample())
    };
    packages.hold(true);
    let cancel = CancellationToken::new();
    let host = Arc::new(RecordingHost::default());
    let call = engine.run(wanted(), host.clone(), cancel.clone());
    let taken_back = async {
        packages.asked(1).await;
        cancel.cancel();
    };
    let (completion, ()) = tokio::join!(call, taken_back);
    assert_eq!(completion.unwrap().outcome.unwrap_err().code, ErrorCode::Cancelled);
    assert_eq!(packages.given(), 0);

    packages.hold(false);
    let completion = engine.run(wanted(), host, CancellationToken::new()).await.unwrap();
    assert_eq!(completion.outcome.unwrap(), Returned::Value(r#""one""#.to_owned()));
    assert_eq!(packages.given(), 1, "it goes on for whoever comes next");
    engine.shutdown().await;
}

#[tokio::test]
async fn an_installation_on_a_full_disk_says_so_and_leaves_nothing_there() {
    let packages = Packages::start().await;
    packages.fill(vec![7; 24 << 20]);
    let daemon = Daemon::on_small_disk().await;
    daemon.fill_disk(Some(8));
    let place = Place::on(daemon.connection(), Some(packages.url()), CACHE);
    let failure = place.install(&WANTED, None).await.unwrap_err().failure();
    assert_eq!(failure.code, ErrorCode::DependencyFailed, "{failure}");
    assert!(failure.message.contains("no space left on device"), "{failure}");
    let client = daemon.connection().client().await.unwrap();
    until(async || {
        let all = ListContainersOptionsBuilder::default().all(true).build();
        let containers = client.list_containers(Some(all)).await.unwrap();
        let volumes = client.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes;
        containers.is_empty() && volumes.is_none_or(|volumes| volumes.is_empty())
    })
    .await;

    daemon.fill_disk(None);
    drop(place.install(&WANTED, None).await.unwrap());
    place.end().await;
}
