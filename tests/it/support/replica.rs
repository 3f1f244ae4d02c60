//! The built server on HTTP over PostgreSQL, as one of several, and calls of its tools.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::wait::until;
use crate::http::client::{Answer, Client, INITIALIZE, INITIALIZED, stateless, stateless_headers};

/// Only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_mins(2);

/// A process.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    process: Child,
    database: String,
    settings: Vec<(&'static str, String)>,
    log: PathBuf,
    folder: tempfile::TempDir,
}

impl Replica {
    /// Starts one and waits until it listens; whether it is ready is another matter.
    pub(crate) async fn start(database: &str, settings: &[(&'static str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = folder.path().join("log");
        let process = spawn(address, database, settings, &folder, &log);
        let settings = settings.to_vec();
        let database = database.to_owned();
        let mut replica = Self { address, process, database, settings, log, folder };
        replica.listening().await;
        replica
    }

    /// Kills it and starts it anew at the same address.
    pub(crate) async fn restart(&mut self) {
        self.process.kill().await.unwrap();
        self.process = spawn(self.address, &self.database, &self.settings, &self.folder, &self.log);
        self.listening().await;
    }

    async fn listening(&mut self) {
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it listened: {ended:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        until(async || self.get("/readyz").await.0 == 200).await;
    }

    /// The status and body at a path.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = Client::connect(self.address).await.get("GET", path, "").await;
        (answer.head.status, answer.json())
    }

    /// The sum of its measurements of this name that have these labels, such as `outcome="ok"`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let answer = Client::connect(self.address).await.get("GET", "/metrics", "").await;
        let text = String::from_utf8(answer.body).unwrap();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (own, given) = series.split_once('{').unwrap_or((series, ""));
            let fits = own == name && labels.iter().all(|label| given.contains(label));
            fits.then(|| value.parse::<f64>().unwrap())
        };
        text.lines().filter_map(value).sum()
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Asks it to end; how it ended.
    pub(crate) async fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.pid().cast_signed();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the test's own output, shown when it fails")]
            {
                eprintln!("{}: {}", self.address, self.log());
            }
        }
    }
}

fn spawn(
    address: SocketAddr,
    database: &str,
    settings: &[(&'static str, String)],
    folder: &tempfile::TempDir,
    log: &std::path::Path,
) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"))
        .args(["--transport=http".to_owned(), format!("--port={}", address.port())])
        .current_dir(folder.path())
        .env_clear()
        .env("MCP_EXECUTION_ENGINE", "embedded")
        .env("MCP_DYNAMIC_BACKEND", "postgres")
        .env("MCP_DYNAMIC_PG_URL", database)
        .env("MCP_DYNAMIC_PG_INIT_MAX_ATTEMPTS", "100")
        .env("MCP_TOOL_MAX_CALLS_PER_WINDOW", "1000000")
        .env("MCP_TOOL_MAX_CONCURRENCY", "1000")
        .env("MCP_DYNAMIC_MAX_TOOLS", "10000")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stderr(std::fs::File::options().append(true).create(true).open(log).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Calls a tool by the revision without sessions, on a connection of its own: the result.
pub(crate) async fn call(address: SocketAddr, name: &str, arguments: Value) -> Value {
    call_with(address, "", name, arguments).await
}

/// The same with more headers: lines that end in CRLF.
pub(crate) async fn call_with(
    address: SocketAddr,
    headers: &str,
    name: &str,
    arguments: Value,
) -> Value {
    let mut answer = answer_to(address, headers, name, arguments).await.json();
    assert!(answer["result"].is_object(), "{answer}");
    answer["result"].take()
}

/// The same, as HTTP answers it.
pub(crate) async fn answer_to(
    address: SocketAddr,
    headers: &str,
    name: &str,
    arguments: Value,
) -> Answer {
    let params = format!(r#""name":{},"arguments":{arguments}"#, json!(name));
    let headers = format!("{headers}{}", stateless_headers("tools/call", Some(name)));
    let body = stateless(1, "tools/call", &params);
    Client::connect(address).await.post(&headers, &body).await
}

/// Creates a tool; the result.
pub(crate) async fn create(address: SocketAddr, name: &str, code: &str) -> Value {
    call(address, "dynamic.tool.create", new_tool(name, code)).await
}

/// The arguments that create a tool.
pub(crate) fn new_tool(name: &str, code: &str) -> Value {
    json!({ "tool": { "name": name, "description": "A test's tool.", "code": code } })
}

/// Whether a result is a success.
pub(crate) fn is_ok(result: &Value) -> bool {
    result["isError"] != true
}

/// Names of the dynamic tools.
pub(crate) async fn names(address: SocketAddr) -> Vec<String> {
    names_in(&call(address, "dynamic.tool.list", json!({})).await)
}

/// Those that a list holds.
pub(crate) fn names_in(listed: &Value) -> Vec<String> {
    let tools = listed["structuredContent"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// Opens a session of an older revision: the header that names it.
pub(crate) async fn session(address: SocketAddr) -> String {
    let answer = Client::connect(address).await.post("", INITIALIZE).await;
    assert_eq!(answer.head.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let id = answer.head.header("mcp-session-id").unwrap();
    let header = format!("Mcp-Session-Id: {id}\r\n");
    let answer = Client::connect(address).await.post(&header, INITIALIZED).await;
    assert_eq!(answer.head.status, 202);
    header
}
