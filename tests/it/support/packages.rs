//! An npm registry where the containers of the daemon reach it. It has every package that is asked for, in version 1.0.0:
//! a module that exports its own name, with scripts that leave a file behind where they are run. It holds archives back
//! where it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Router, body::Bytes};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::docker;
use super::issuer::keys::base64url;

/// Ends with this.
pub(crate) struct Packages {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    url: String,
    /// What is in every package's archive beside it.
    ballast: watch::Sender<Vec<u8>>,
    held: watch::Sender<bool>,
    asked: watch::Sender<usize>,
    given: AtomicUsize,
}

impl Packages {
    pub(crate) async fn start() -> Self {
        let host = docker::bridge().await.gateway.unwrap();
        let listener = tokio::net::TcpListener::bind((host, 0)).await.unwrap();
        let shared = Arc::new(Shared {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ballast: watch::Sender::default(),
            held: watch::Sender::default(),
            asked: watch::Sender::default(),
            given: AtomicUsize::new(0),
        });
        let app = Router::new()
            .route("/{name}", get(about))
            .route("/{name}/archive", get(archive))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.shared.url
    }

    /// From now on every package has so much more in it.
    pub(crate) fn fill(&self, ballast: Vec<u8>) {
        self.shared.ballast.send_replace(ballast);
    }

    /// From now on archives are held back, or given.
    pub(crate) fn hold(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// Comes back when so many archives were asked for.
    pub(crate) async fn asked(&self, times: usize) {
        self.shared.asked.subscribe().wait_for(|asked| *asked >= times).await.unwrap();
    }

    /// How many archives were given.
    pub(crate) fn given(&self) -> usize {
        self.shared.given.load(Ordering::SeqCst)
    }
}

impl Drop for Packages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn manifest(name: &str) -> Value {
        let leave = "touch /deps/node_modules/$npm_lifecycle_event";
        let scripts = json!({ "preinstall": leave, "install": leave, "postinstall": leave });
        json!({ "name": name, "version": "1.0.0", "main": "main.js", "scripts": scripts })
    }

    fn archive(&self, name: &str) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let main = format!("module.exports = '{name}'");
        let manifest = Self::manifest(name).to_string();
        let ballast = self.ballast.borrow().clone();
        for (path, content) in [
            ("package/package.json", manifest.as_bytes()),
            ("package/main.js", main.as_bytes()),
            ("package/ballast", &ballast),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content).unwrap();
        }
        archive.into_inner().unwrap()
    }
}

async fn about(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> String {
    let hash = base64url(&Sha512::digest(shared.archive(&name))).replace('-', "+");
    let integrity = format!("sha512-{}==", hash.replace('_', "/"));
    let mut version = Shared::manifest(&name);
    version["hasInstallScript"] = true.into();
    version["dist"] =
        json!({ "tarball": format!("{}/{name}/archive", shared.url), "integrity": integrity });
    let latest = json!({ "latest": "1.0.0" });
    json!({ "name": name, "dist-tags": latest, "versions": { "1.0.0": version } }).to_string()
}

async fn archive(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Bytes {
    let mut held = shared.held.subscribe();
    shared.asked.send_modify(|asked| *asked += 1);
    held.wait_for(|held| !held).await.unwrap();
    shared.given.fetch_add(1, Ordering::SeqCst);
    shared.archive(&name).into()
}
