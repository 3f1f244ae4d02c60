//! The image, built around the program under test and run as in production.
//!
//! Both of its base images are the one of the Docker tests, so that no registry is asked.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::file;
use crate::http::client::{Client, stateless, stateless_headers};

const BASE: &str = "node:lts-slim";

/// Only keeps a broken test from hanging.
const HANG: Duration = Duration::from_mins(3);

/// Removes the container when it is dropped, and then the image.
struct Cleanup {
    image: Image,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        let mut remove = std::process::Command::new("docker");
        drop(remove.args(["rm", "--force", "--volumes", &self.image.name]).output());
    }
}

/// One build at a time, so that the next one finds what this one made: two at once would each make it.
static BUILDING: Mutex<()> = Mutex::const_new(());

/// An image, removed when it is dropped with all that was made on the way to it.
pub(super) struct Image {
    pub(super) name: String,
}

impl Image {
    fn way(&self) -> String {
        format!("{}-build", self.name)
    }

    /// Builds it around the program under test.
    pub(super) async fn build(name: String) -> Self {
        let image = Self { name };
        let context = tempfile::tempdir().unwrap();
        std::fs::create_dir(context.path().join("dist")).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_dynamic-mcp"), context.path().join("dist/dynamic-mcp"))
            .unwrap();
        for part in ["Dockerfile", ".dockerignore", "Cargo.toml"] {
            std::fs::copy(file(part), context.path().join(part)).unwrap();
        }
        let folder = context.path().to_str().unwrap();
        let (build, runtime) = (format!("BUILD_IMAGE={BASE}"), format!("RUNTIME_IMAGE={BASE}"));
        let _alone = BUILDING.lock().await;
        // The first stage has a name, so that it can be removed.
        let way = image.way();
        for words in [["--target", "build", "--tag", &way].as_slice(), &["--tag", &image.name]] {
            let mut command = Command::new("docker");
            command.args(["build", "--build-arg", &build, "--build-arg", &runtime]);
            succeed(command.args(words).arg(folder)).await;
        }
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut remove = std::process::Command::new("docker");
        drop(remove.args(["image", "rm", "--force", &self.name, &self.way()]).output());
    }
}

async fn docker(words: &[&str]) -> String {
    succeed(Command::new("docker").args(words)).await
}

/// Runs a command that must succeed: what it prints.
pub(super) async fn succeed(command: &mut Command) -> String {
    let running = command.kill_on_drop(true).output();
    let done = tokio::time::timeout(HANG, running).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{:?}: {out}{err}", command.as_std());
    out.trim().to_owned()
}

/// Starts the image in a container of the same name.
async fn start(name: &str) {
    docker(&[
        "run",
        "--detach",
        "--name",
        name,
        "--publish",
        "127.0.0.1::8788",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        name,
    ])
    .await;
}

async fn address(name: &str) -> SocketAddr {
    let address: SocketAddr = docker(&["port", name, "8788/tcp"]).await.parse().unwrap();
    for _ in 0..600 {
        // Docker's own proxy listens before the server does.
        let asked = async {
            let mut client = Client::try_connect(address).await?;
            client.send("GET", "/livez", "", "").await;
            client.try_head().await
        };
        if asked.await.is_some_and(|head| head.status == 200) {
            return address;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not answer: {}", docker(&["logs", name]).await);
}

pub(super) async fn call(address: SocketAddr, tool: &str, arguments: &str) -> Value {
    let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
    let body = stateless(1, "tools/call", &params);
    let headers = stateless_headers("tools/call", Some(tool));
    let answer = Client::connect(address).await.post(&headers, &body).await;
    answer.json()["result"].clone()
}

/// The state of every process in the container, by its number.
async fn processes(name: &str) -> Vec<(u32, String)> {
    let script = "cat /proc/[0-9]*/stat";
    let stats = docker(&["exec", name, "/bin/sh", "-c", script]).await;
    let process = |line: &str| {
        let (front, back) = line.rsplit_once(") ")?;
        let id = front.split_once(' ')?.0.parse().ok()?;
        let (state, rest) = back.split_once(' ')?;
        Some((id, format!("{state} {} {}", rest.split_once(' ')?.0, front.split_once('(')?.1)))
    };
    stats.lines().filter_map(process).collect()
}

#[tokio::test]
async fn the_image_serves_without_rights_and_ends_in_order() {
    let name = format!("dynamic-mcp-test-{}", std::process::id());
    let _cleanup = Cleanup { image: Image::build(name.clone()).await };
    start(&name).await;
    let address = address(&name).await;
    let ready = Client::connect(address).await.get("GET", "/readyz", "").await;
    assert_eq!((ready.head.status, &ready.json()["status"]), (200, &"ready".into()));
    let metrics = Client::connect(address).await.get("GET", "/metrics", "").await;
    assert_eq!(metrics.head.status, 200);

    let tool = r#"{"tool":{"name":"text.uppercase","description":"d","code":"return args.toUpperCase()"}}"#;
    let made = call(address, "dynamic.tool.create", tool).await;
    assert_eq!(made["isError"], false, "{made}");
    let called = call(address, "text.uppercase", r#"{"args":"from a container"}"#).await;
    assert_eq!(called["structuredContent"]["result"], "FROM A CONTAINER", "{called}");
    let health = call(address, "system.health", "{}").await;
    let engines = health["structuredContent"]["engines"].as_array().unwrap();
    let embedded = engines.iter().find(|engine| engine["name"] == "embedded").unwrap();
    // Docker's own profile keeps namespaces from it; another one may not.
    assert!(embedded["detail"].as_str().unwrap().contains("landlock, seccomp"), "{embedded}");
    let who = docker(&["exec", &name, "/bin/sh", "-c", "cat /proc/1/status"]).await;
    assert!(who.contains("Uid:\t65532\t65532"), "{who}");
    assert!(who.contains("CapEff:\t0000000000000000"), "{who}");

    a_fork_server_that_dies_leaves_nothing(&name, address).await;

    docker(&["stop", "--time", "60", &name]).await;
    let code = docker(&["inspect", "--format", "{{.State.ExitCode}}", &name]).await;
    assert_eq!(code, "0", "{}", docker(&["logs", &name]).await);
    docker(&["start", &name]).await;
    let address = self::address(&name).await;
    let kept = call(address, "text.uppercase", r#"{"args":"kept"}"#).await;
    assert_eq!(kept["structuredContent"]["result"], "KEPT", "{kept}");
}

/// The server is the first process here, to which every orphan comes.
async fn a_fork_server_that_dies_leaves_nothing(name: &str, address: SocketAddr) {
    let before = processes(name).await;
    // The server's child waits for the fork server, its own child.
    let child_of = |parent: u32| {
        let is = |about: &String| about.split(' ').nth(1) == Some(parent.to_string().as_str());
        before.iter().find(|(_, about)| is(about)).map(|(id, _)| *id)
    };
    let fork_server = child_of(1).and_then(child_of).unwrap_or_else(|| panic!("{before:?}"));
    docker(&["exec", name, "/bin/sh", "-c", &format!("kill -9 {fork_server}")]).await;
    let again = call(address, "text.uppercase", r#"{"args":"again"}"#).await;
    assert_eq!(again["structuredContent"]["result"], "AGAIN", "{again}");
    for _ in 0..600 {
        let now = processes(name).await;
        let dead = now.iter().any(|(_, about)| about.starts_with('Z'));
        if !dead && now.iter().all(|(id, _)| *id != fork_server) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("dead processes stay: {:?}", processes(name).await);
}
