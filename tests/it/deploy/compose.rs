//! The compose file, run by Compose: two replicas around the program under test, and a database that is killed.
//!
//! The database's image is the stand-in of `scripts/test-postgres-image`, so that no registry is asked.

use std::net::SocketAddr;
use std::process::Command as Blocking;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::image::{Image, call, succeed};
use super::{runbook, text};
use crate::http::client::Client;
use crate::support::wait::until;

const ADMIN: &str = "0123456789abcdef0123456789abcdef";
const REPLICAS: [&str; 2] = ["dynamic-mcp-a", "dynamic-mcp-b"];

/// Everything that Compose made, ended and removed when it is dropped.
struct Project {
    folder: TempDir,
    /// Its name is the project's too.
    image: Image,
}

impl Project {
    async fn new(name: String) -> Self {
        let image = Image::build(name).await;
        let folder = tempfile::tempdir().unwrap();
        let deploy = folder.path().join("deploy");
        std::fs::create_dir(&deploy).unwrap();
        let mut file = text("deploy/docker-compose.postgres.yml");
        // Compose chooses free ports, and the project's name is given by the test.
        for (given, free) in [
            ("127.0.0.1:8788:8788", "127.0.0.1::8788"),
            ("127.0.0.1:8789:8788", "127.0.0.1::8788"),
            ("\nname: dynamic-mcp\n", "\n"),
        ] {
            assert!(file.contains(given), "{file}");
            file = file.replace(given, free);
        }
        std::fs::write(deploy.join("docker-compose.postgres.yml"), file).unwrap();
        std::fs::write(deploy.join("seccomp.json"), text("deploy/seccomp.json")).unwrap();
        // There is no issuer here whose keys the containers could fetch.
        let example = text(".env.prod.example").replace("change-me", ADMIN);
        let lines = example.lines().filter(|line| !line.starts_with("MCP_AUTH_"));
        let more = ["MCP_HTTP_ALLOWED_HOSTS=127.0.0.1,localhost,mcp.example.com", ""];
        let settings: Vec<_> = lines.chain(more).collect();
        std::fs::write(folder.path().join(".env.prod"), settings.join("\n")).unwrap();
        Self { folder, image }
    }

    fn command(&self, words: &[&str]) -> Blocking {
        let mut command = Blocking::new("docker-compose");
        command
            .args(["--project-name", &self.image.name, "--env-file", "../.env.prod"])
            .args(["-f", "docker-compose.postgres.yml"])
            .args(words)
            .current_dir(self.folder.path().join("deploy"))
            .env("DYNAMIC_MCP_IMAGE", &self.image.name)
            .env("POSTGRES_IMAGE", "dynamic-mcp-test-postgres");
        command
    }

    async fn compose(&self, words: &[&str]) -> String {
        succeed(&mut Command::from(self.command(words))).await
    }

    /// Runs the runbook's commands by Compose whose words hold this, as they are written there but for the older
    /// program's way to say which project is meant.
    async fn as_written(&self, part: &str) {
        const WRITTEN: &str =
            "docker compose --env-file .env.prod -f deploy/docker-compose.postgres.yml";
        let name = &self.image.name;
        let program = format!(
            "docker-compose --project-name {name} --env-file ../.env.prod -f docker-compose.postgres.yml"
        );
        let commands = runbook::written(WRITTEN);
        let commands: Vec<_> = commands.iter().filter(|command| command.contains(part)).collect();
        assert!(!commands.is_empty(), "no command has {part}");
        let variables =
            [("DYNAMIC_MCP_IMAGE", name.as_str()), ("POSTGRES_IMAGE", "dynamic-mcp-test-postgres")];
        for command in commands {
            let command = command.replace(WRITTEN, &program);
            runbook::run(&command, &self.folder.path().join("deploy"), &variables).await;
        }
    }

    /// Where its replicas are, which are ready.
    async fn replicas(&self) -> [SocketAddr; 2] {
        let mut found = Vec::new();
        for name in REPLICAS {
            let address = self.compose(&["port", name, "8788"]).await.parse().unwrap();
            readiness(address, 200).await;
            found.push(address);
        }
        found.try_into().unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.command(&["logs", "--no-color"]).output();
            #[expect(clippy::print_stderr, reason = "the test's own output, shown when it fails")]
            if let Ok(logs) = logs {
                eprintln!("{}", String::from_utf8_lossy(&logs.stdout));
            }
        }
        drop(self.command(&["down", "--volumes", "--timeout", "1"]).output());
    }
}

/// Whether its `/readyz` says this; while it begins nobody may answer.
async fn readiness(replica: SocketAddr, status: u16) {
    until(async || {
        let Some(mut client) = Client::try_connect(replica).await else { return false };
        client.send("GET", "/readyz", "", "").await;
        client.try_head().await.is_some_and(|head| head.status == status)
    })
    .await;
}

fn tool(name: &str) -> String {
    let tool = json!({ "name": name, "description": "d", "code": "return args.toUpperCase()" });
    json!({ "tool": tool, "adminToken": ADMIN }).to_string()
}

/// Waits until a replica has this tool, and it works.
async fn works(replica: SocketAddr, name: &str) {
    until(async || {
        let called = call(replica, name, r#"{"args":"compose"}"#).await;
        called["structuredContent"]["result"] == "COMPOSE"
    })
    .await;
}

#[tokio::test]
async fn two_replicas_and_a_database_that_is_killed_act_as_one() {
    let project = Project::new(format!("dynamic-mcp-compose-{}", std::process::id())).await;
    for command in runbook::written("docker run ") {
        runbook::run(&command, project.folder.path(), &[("IMAGE", &project.image.name)]).await;
    }
    project.compose(&["up", "--detach"]).await;
    let [a, b] = project.replicas().await;
    let made = call(a, "dynamic.tool.create", &tool("text.first")).await;
    assert_eq!(made["isError"], false, "{made}");
    works(b, "text.first").await;

    project.compose(&["kill", "postgres"]).await;
    for replica in [a, b] {
        readiness(replica, 503).await;
        works(replica, "text.first").await;
    }
    let refused = call(b, "dynamic.tool.create", &tool("text.lost")).await;
    assert_eq!(refused["structuredContent"]["code"], "store_unavailable", "{refused}");

    project.compose(&["start", "postgres"]).await;
    for replica in [a, b] {
        readiness(replica, 200).await;
    }
    let made = call(b, "dynamic.tool.create", &tool("text.second")).await;
    assert_eq!(made["isError"], false, "{made}");
    for name in ["text.first", "text.second"] {
        works(a, name).await;
    }

    // Backed up and restored: what came between is gone. Then they are rolled, to the image that they have.
    project.as_written(" pg_dump ").await;
    let made = call(a, "dynamic.tool.create", &tool("text.third")).await;
    assert_eq!(made["isError"], false, "{made}");
    for part in [" stop ", " pg_restore ", " start ", " up "] {
        project.as_written(part).await;
    }
    for replica in project.replicas().await {
        works(replica, "text.second").await;
        let none = call(replica, "text.third", r#"{"args":"x"}"#).await;
        assert!(none.is_null(), "{none}");
    }

    // Asked to end, they end in order.
    project.compose(&["stop", "--timeout", "60"]).await;
    for name in REPLICAS {
        let id = project.compose(&["ps", "--quiet", "--all", name]).await;
        let inspect = ["inspect", "--format", "{{.State.ExitCode}}", &id];
        assert_eq!(succeed(Command::new("docker").args(inspect)).await, "0", "{name}");
    }
}
