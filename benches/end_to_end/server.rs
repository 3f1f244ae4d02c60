//! Servers under test: spawned, measured from outside, and ended.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Limits raised so that the guard is not what is measured, and the engine named: a daemon that answers would take the calls.
const SETTINGS: [(&str, &str); 6] = [
    ("MCP_EXECUTION_ENGINE", "embedded"),
    ("MCP_TOOL_MAX_CONCURRENCY", "10000"),
    ("MCP_TOOL_MAX_CALLS_PER_WINDOW", "1000000"),
    ("MCP_TOOL_RATE_WINDOW_MS", "1000"),
    ("MCP_DYNAMIC_MAX_TOOLS", "10000"),
    ("MCP_SANDBOX_MAX_OUTPUT_BYTES", "10000000"),
];

/// What to run: the server, or this program itself as the echo server.
#[derive(Clone)]
pub(crate) enum Subject {
    Server { binary: PathBuf, store: PathBuf, settings: Vec<(&'static str, String)> },
    Echo,
}

impl Subject {
    pub(crate) fn server(binary: &Path, folder: &Path) -> Self {
        Self::with(binary, folder, Vec::new())
    }

    /// The server with settings of its own.
    pub(crate) fn with(
        binary: &Path,
        folder: &Path,
        settings: Vec<(&'static str, String)>,
    ) -> Self {
        Self::Server { binary: binary.to_owned(), store: folder.join("tools.redb"), settings }
    }

    /// Starts it with pipes on stdin and stdout.
    pub(crate) fn stdio(&self) -> Child {
        let mut command = match self {
            Self::Server { .. } => self.command(&[]),
            Self::Echo => self.command(&["--echo-stdio"]),
        };
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    /// Starts it on HTTP; the address it listens on.
    pub(crate) async fn http(&self) -> (Child, String) {
        match self {
            Self::Server { .. } => {
                // Free a moment ago; nobody else on this machine asks for ports meanwhile.
                let port = {
                    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                    probe.local_addr().unwrap().port()
                };
                let port_text = port.to_string();
                let child = self
                    .command(&["--transport", "http", "--port", &port_text])
                    .stdin(Stdio::null())
                    .spawn()
                    .unwrap();
                let address = format!("127.0.0.1:{port}");
                while tokio::net::TcpStream::connect(&address).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                (child, address)
            }
            Self::Echo => {
                let mut child =
                    self.command(&["--echo-http"]).stdin(Stdio::null()).spawn().unwrap();
                let mut line = String::new();
                let stdout = child.stdout.take().unwrap();
                BufReader::new(stdout).read_line(&mut line).await.unwrap();
                (child, line.trim().to_owned())
            }
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = match self {
            Self::Server { binary, store, settings } => {
                let mut command = Command::new(binary);
                command.env("MCP_DYNAMIC_STORE", store).envs(settings.iter().cloned());
                command
            }
            Self::Echo => Command::new(std::env::current_exe().unwrap()),
        };
        command.args(args).envs(SETTINGS).env("MCP_LOG_LEVEL", "error").stdout(Stdio::piped());
        command.kill_on_drop(true);
        command
    }
}

/// Processor time of all threads of a process so far, from /proc.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default()
    };
    Duration::from_nanos(threads.map(of).sum())
}

/// Proportional set size of a process and all below it, in KiB, from /proc.
pub(crate) fn pss_kib(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let own = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .map_or(0, |value| value.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default());
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let below = |list: String| {
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(pss_kib).sum::<u64>()
    };
    own + children.map(below).sum::<u64>()
}
