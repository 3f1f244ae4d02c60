//! A daemon is asked who it is, refused where it won't do, and found again after it was away.

use std::path::Path;

use bollard::errors::Error;
use dynamic_mcp::adapters::outbound::docker::{Connection, DockerEnvironment, DockerError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::support::docker;

/// A daemon that answers every request so; ends with this.
struct Daemon {
    task: JoinHandle<()>,
}

impl Daemon {
    fn new(socket: &Path, body: &'static str) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let asked = stream.read(&mut request).await.unwrap();
                assert!(request[..asked].starts_with(b"GET /version"));
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(body.as_bytes()).await.unwrap();
            }
        });
        Self { task }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn place() -> (TempDir, std::path::PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("daemon.sock");
    let environment =
        DockerEnvironment { sockets: vec![socket.clone()], ..DockerEnvironment::new(None) };
    (folder, socket, Connection::new(environment))
}

const GOOD: &str = r#"{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"20.10.24"}],"Version":"20.10.24","ApiVersion":"1.41","Os":"linux"}"#;
const PODMAN: &str = r#"{"Platform":{"Name":"linux/amd64"},"Components":[{"Name":"Podman Engine","Version":"5.4.0"}],"Version":"5.4.0","ApiVersion":"1.41","Os":"linux"}"#;
const OLD: &str = r#"{"Version":"18.9","ApiVersion":"1.9","Os":"linux"}"#;
const WINDOWS: &str = r#"{"Version":"27.0","ApiVersion":"1.46","Os":"windows"}"#;

#[tokio::test]
async fn the_daemon_of_the_tests_will_do() {
    let connection = docker::connection();
    let daemon = connection.probe().await.unwrap();
    assert!(daemon.to_string().starts_with("Docker Engine "), "{daemon}");
    assert_eq!(connection.client().await.unwrap().ping().await.unwrap(), "OK");
}

#[tokio::test]
async fn a_daemon_says_who_it_is() {
    for (body, words) in
        [(GOOD, "Docker Engine 20.10.24, API 1.41"), (PODMAN, "Podman Engine 5.4.0, API 1.41")]
    {
        let (_folder, socket, connection) = place();
        let _daemon = Daemon::new(&socket, body);
        assert_eq!(connection.probe().await.unwrap().to_string(), words);
    }
}

#[tokio::test]
async fn one_that_wont_do_is_refused_with_what_is_needed() {
    for (body, words) in
        [(OLD, "1.41 is needed"), (WINDOWS, "windows containers"), ("{", "did not answer")]
    {
        let (_folder, socket, connection) = place();
        let _daemon = Daemon::new(&socket, body);
        let error = connection.client().await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn one_that_comes_later_is_found() {
    let (_folder, socket, connection) = place();
    let missing = connection.client().await.unwrap_err();
    assert!(matches!(missing, DockerError::NotFound), "{missing}");
    let daemon = Daemon::new(&socket, GOOD);
    connection.client().await.unwrap();
    drop(daemon);
    // Its socket is still there, and nobody listens.
    let silent = connection.probe().await.unwrap_err();
    assert!(silent.to_string().contains("is it running?"), "{silent:?}");
    std::fs::remove_file(&socket).unwrap();
    let _daemon = Daemon::new(&socket, GOOD);
    connection.client().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_never_answers_is_not_waited_for() {
    let (_folder, socket, connection) = place();
    let _listener = UnixListener::bind(&socket).unwrap();
    let error = connection.probe().await.unwrap_err();
    assert!(matches!(error, DockerError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_the_daemon_refuses_is_told_in_its_words() {
    let connection = docker::connection();
    let client = connection.client().await.unwrap();
    let error = client.inspect_container("no-such-container", None).await.unwrap_err();
    let error = connection.explain(error);
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains("No such container"), "{error}");
}

#[test]
fn what_a_daemon_says_is_shown_without_paths_of_its_machine() {
    let nothing = "what it said is in the log of this server";
    let full = "its disk is full; `docker system prune` makes room";
    let manifest = "manifest for registry.example:5000/node:22 not found: manifest unknown";
    let name =
        r#"Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host"#;
    for (said, shown) in [
        (manifest, manifest),
        (name, name),
        ("conflict 4/5", "conflict 4/5"),
        ("mkdir /var/lib/docker/overlay2/0a: no space left on device", full),
        ("open /var/lib/docker/image/repositories.json: permission denied", nothing),
        (r#"error while mounting "/srv/data":permission denied"#, nothing),
        ("dial unix:///run/containerd/containerd.sock", nothing),
        (
            r#"exec: "/bin/sh": stat /bin/sh: no such file"#,
            "the image's /bin/sh can't be run, and tools need one",
        ),
    ] {
        let message = said.to_owned();
        let error = Error::DockerResponseServerError { status_code: 500, message };
        let error = DockerError::of(error, "DOCKER_HOST").to_string();
        assert_eq!(error, format!("the Docker daemon answered 500: {shown}"));
    }
}
