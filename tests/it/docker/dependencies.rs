//! npm packages, installed in a real container from the real registry.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{
    Connection, Dependencies, DependencyOptions, InstallError, Installed,
};
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::Progress;
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::domain::tool::{Dependency, DependencyLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::docker;

pub(super) struct Place {
    pub(super) dependencies: Dependencies,
    pub(super) instance: Instance,
    stopped: CancellationToken,
    tasks: TaskTracker,
    told: Mutex<Vec<String>>,
}

impl Place {
    fn new(cache_bytes: u64) -> Self {
        Self::from_registry(None, cache_bytes)
    }

    pub(super) fn from_registry(registry: Option<&str>, cache_bytes: u64) -> Self {
        Self::on(docker::connection(), registry, cache_bytes)
    }

    pub(super) fn on(daemon: Connection, registry: Option<&str>, cache_bytes: u64) -> Self {
        let (tasks, stopped) = (TaskTracker::new(), CancellationToken::new());
        let instance = Instance::new(&Uuid::new_v4().to_string());
        let registry = registry.map(ToOwned::to_owned);
        let options = DependencyOptions { registry, extra_ca: docker::extra_ca(), cache_bytes };
        let dependencies = docker::dependencies(daemon, &instance, options, &tasks, &stopped);
        Self { dependencies, instance, stopped, tasks, told: Mutex::default() }
    }

    pub(super) async fn install(
        &self,
        packages: &[(&str, &str)],
        lock: Option<&DependencyLock>,
    ) -> Result<Arc<Installed>, Arc<InstallError>> {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, version)| Dependency { name: (*name).into(), version: (*version).into() })
            .collect();
        let image = ContainerImage::parse("node:lts-slim").unwrap();
        let tell = |progress: Progress| {
            self.told.lock().unwrap().push(progress.message.unwrap());
        };
        self.dependencies.installed(&image, &packages, lock, &tell).await
    }

    /// Begins the end of its server.
    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }

    /// Ends it, after which nothing of its instance may be left.
    pub(super) async fn end(self) {
        self.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        docker::nothing_left_of(&self.instance).await;
    }
}

#[tokio::test]
async fn packages_are_resolved_and_installed_once_and_kept_with_their_hashes() {
    let place = Place::new(1 << 30);
    let wanted = [("is-number", "^7.0.0"), ("is-odd", "3.0.1")];
    let (one, other) = tokio::join!(place.install(&wanted, None), place.install(&wanted, None));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.volume(), other.volume(), "two at once are one installation");
    let mut backwards = wanted;
    backwards.reverse();
    let again = place.install(&backwards, Some(&one.lock)).await.unwrap();
    assert_eq!(again.volume(), one.volume(), "what is locked is what was installed");
    let packages = one.lock.packages();
    let number = packages.iter().find(|package| package.path == "node_modules/is-number");
    assert_eq!(number.unwrap().version, "7.0.0");
    assert!(packages.iter().all(|package| {
        package.integrity.as_ref().is_some_and(|hash| hash.starts_with("sha512-"))
    }));
    let told = place.told.lock().unwrap().clone();
    assert!(told.iter().any(|words| words == "resolving 2 npm packages"), "{told:?}");
    assert!(told.iter().any(|words| words.starts_with("installing ")), "{told:?}");

    let read = docker::run_with(
        one.volume(),
        "const odd = require('/deps/node_modules/is-odd'); \
         let wrote; try { require('fs').writeFileSync('/deps/node_modules/x', ''); wrote = true } \
         catch (error) { wrote = error.code } console.log(odd(3), wrote, require('fs').readdirSync('/deps/.npm').length)",
    )
    .await;
    assert_eq!(read.trim(), "true EROFS 0");
    drop((one, other, again));
    place.end().await;
}

#[tokio::test]
async fn what_npm_refuses_is_told_in_its_words() {
    let place = Place::new(1 << 30);
    let absent = [("is-number", "999.0.0")];
    let error = place.install(&absent, None).await.unwrap_err();
    let failure = error.failure();
    assert_eq!(failure.code, ErrorCode::DependencyFailed);
    assert!(failure.message.contains("ETARGET"), "{failure}");
    assert!(failure.message.contains("is-number@999.0.0"), "{failure}");
    place.end().await;
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_named_and_not_waited_for() {
    // Within the container nobody listens there.
    let place = Place::from_registry(Some("http://127.0.0.1:9/"), 1 << 30);
    let error = place.install(&[("is-number", "7.0.0")], None).await.unwrap_err();
    let failure = error.failure();
    assert_eq!(failure.code, ErrorCode::DependencyFailed);
    assert!(failure.message.contains("http://127.0.0.1:9/is-number"), "{failure}");
    assert!(failure.message.contains("ECONNREFUSED"), "{failure}");
    assert!(!failure.message.contains("node_modules"), "{failure}");
    place.end().await;
}

#[tokio::test]
async fn packages_larger_than_they_may_be_are_refused() {
    let place = Place::new(64 << 10);
    let error = place.install(&[("zod", "3.23.8")], None).await.unwrap_err();
    assert!(matches!(*error, InstallError::TooLarge { .. }), "{error}");
    place.end().await;
}

#[tokio::test]
async fn the_least_recently_used_packages_make_room() {
    // Either fits alone, and both do not.
    let place = Place::new(1_200 << 10);
    let one = place.install(&[("zod", "3.22.4")], None).await.unwrap();
    let first = one.volume().to_owned();
    let two = place.install(&[("zod", "3.23.8")], None).await.unwrap();
    assert!(docker::has_volume(&first).await, "whoever uses packages keeps them");
    drop(one);
    docker::volume_goes(&first).await;
    assert!(docker::has_volume(two.volume()).await, "the newest stays");
    drop(two);
    place.end().await;
}

#[tokio::test]
async fn packages_are_installed_anew_after_a_daemon_lost_them() {
    let place = Place::new(1 << 30);
    let wanted = [("is-number", "7.0.0")];
    let one = place.install(&wanted, None).await.unwrap();
    let lost = one.volume().to_owned();
    docker::kill_containers_of(&place.instance).await;
    docker::volume_goes(&lost).await;
    let again = loop {
        let again = place.install(&wanted, Some(&one.lock)).await.unwrap();
        if again.volume() != lost {
            break again;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(docker::has_volume(again.volume()).await);
    drop((one, again));
    place.end().await;
}

#[tokio::test]
async fn a_missing_file_of_certificates_is_named_by_its_setting() {
    let mut place = Place::new(1 << 30);
    let options = DependencyOptions {
        registry: None,
        extra_ca: Some(PathBuf::from("/nonexistent/ca.pem")),
        cache_bytes: 1 << 30,
    };
    place.dependencies = docker::dependencies(
        docker::connection(),
        &place.instance,
        options,
        &place.tasks,
        &place.stopped,
    );
    let error = place.install(&[("is-number", "7.0.0")], None).await.unwrap_err().to_string();
    assert!(error.contains("MCP_SANDBOX_EXTRA_CA_FILE"), "{error}");
    assert!(!error.contains("nonexistent"), "{error}");
    place.end().await;
}
