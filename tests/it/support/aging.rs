//! A daemon in whose lists some containers are older than they are: for what is done with old ones, without growing
//! old oneself.

use std::path::{Path, PathBuf};

use dynamic_mcp::adapters::outbound::docker::{Connection, DockerEnvironment, Endpoint};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The label of those containers: by how many seconds.
pub(crate) const OLDER: &str = "dynamic-mcp.test-older";

/// A socket that passes on to the tests' daemon what comes in, and changes the answers. It works while this is there.
pub(crate) struct Aging {
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Drop for Aging {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Aging {
    pub(crate) fn new() -> Self {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let found = DockerEnvironment { host, ..DockerEnvironment::new(None) }.find().unwrap();
        let Endpoint::Socket(daemon) = found.endpoint else { panic!("the daemon has no socket") };
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket(folder.path())).unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let daemon = daemon.clone();
                tokio::spawn(async move { drop(pass(client, daemon).await) });
            }
        });
        Self { folder, serving }
    }

    pub(crate) fn connection(&self) -> Connection {
        let host = format!("unix://{}", socket(self.folder.path()).display());
        Connection::new(DockerEnvironment { host: Some(host), ..DockerEnvironment::new(None) })
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// One request, and what follows where the connection becomes a stream.
async fn pass(mut client: UnixStream, daemon: PathBuf) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut daemon = UnixStream::connect(daemon).await?;
    let stream = head.to_ascii_lowercase().contains("\r\nupgrade:");
    // Else the next request would come unseen.
    let last = if stream { "\r\n" } else { "\r\nConnection: close\r\n" };
    let asked = head.replacen("\r\n", last, 1);
    if !head.contains("/containers/json") {
        daemon.write_all(asked.as_bytes()).await?;
        return tokio::io::copy_bidirectional(&mut client, &mut daemon).await.map(drop);
    }
    // The older protocol has answers in one piece.
    daemon.write_all(asked.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes()).await?;
    let mut answer = String::new();
    daemon.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{head}");
    let mut list: Value = serde_json::from_str(body).unwrap();
    for container in list.as_array_mut().into_iter().flatten() {
        let older = container["Labels"][OLDER].as_str().and_then(|text| text.parse::<i64>().ok());
        if let (Some(older), Some(created)) = (older, container["Created"].as_i64()) {
            container["Created"] = (created - older).into();
        }
    }
    let body = list.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}
