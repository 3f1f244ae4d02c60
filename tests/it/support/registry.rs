//! A container registry on loopback with one tiny image, `tiny:1`, whose layer it holds back until it is told to give it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::wait::until;

/// An archive without files.
const LAYER: [u8; 1024] = [0; 1024];

/// Ends with this.
pub(crate) struct Registry {
    address: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    config: Vec<u8>,
    manifest: Vec<u8>,
    asked: Semaphore,
    may_give: Semaphore,
    given: AtomicUsize,
    manifests: AtomicUsize,
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

impl Registry {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            // Every registry's image is another one.
            "config": { "Labels": { "registry": address } },
            "rootfs": { "type": "layers", "diff_ids": [digest(&LAYER)] },
        })
        .to_string()
        .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(), "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": LAYER.len(), "digest": digest(&LAYER),
            }],
        })
        .to_string()
        .into_bytes();
        let shared = Arc::new(Shared {
            config,
            manifest,
            asked: Semaphore::new(0),
            may_give: Semaphore::new(0),
            given: AtomicUsize::default(),
            manifests: AtomicUsize::default(),
        });
        let routes = Router::new()
            .route("/v2/", get(async || "{}"))
            .route("/v2/{name}/manifests/{reference}", get(manifests))
            .route("/v2/{name}/blobs/{digest}", get(blobs))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, shared, task }
    }

    /// The reference of one of its images; it has only `tiny`.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}:1", self.address)
    }

    /// Comes back when somebody has asked for the layer.
    pub(crate) async fn asked_for_layer(&self) {
        until(async || self.shared.asked.available_permits() > 0).await;
        self.shared.asked.acquire().await.unwrap().forget();
    }

    pub(crate) fn give_layer(&self) {
        self.shared.may_give.add_permits(1);
    }

    pub(crate) fn layers_given(&self) -> usize {
        self.shared.given.load(Ordering::SeqCst)
    }

    pub(crate) fn manifests_asked(&self) -> usize {
        self.shared.manifests.load(Ordering::SeqCst)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

async fn manifests(
    State(shared): State<Arc<Shared>>,
    Path((name, _)): Path<(String, String)>,
) -> Response {
    shared.manifests.fetch_add(1, Ordering::SeqCst);
    if name != "tiny" {
        let body =
            json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] });
        return (StatusCode::NOT_FOUND, body.to_string()).into_response();
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, MANIFEST.parse().unwrap());
    headers.insert("docker-content-digest", digest(&shared.manifest).parse().unwrap());
    (headers, shared.manifest.clone()).into_response()
}

async fn blobs(
    State(shared): State<Arc<Shared>>,
    Path((_, wanted)): Path<(String, String)>,
) -> Response {
    if wanted == digest(&shared.config) {
        return shared.config.clone().into_response();
    }
    shared.asked.add_permits(1);
    shared.may_give.acquire().await.unwrap().forget();
    shared.given.fetch_add(1, Ordering::SeqCst);
    LAYER.to_vec().into_response()
}
