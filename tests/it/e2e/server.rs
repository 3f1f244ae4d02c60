//! The server as clients find it: a command for stdio, a running process for HTTP, over one store.

#[cfg(feature = "http")]
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
#[cfg(feature = "http")]
use std::time::Duration;

use tempfile::TempDir;
#[cfg(feature = "http")]
use tokio::process::{Child, Command};

const SERVER: &str = env!("CARGO_BIN_EXE_dynamic-mcp");

/// A folder with a store, on which servers are started.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A file of the site's, or one to be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the servers on HTTP have logged so far.
    #[cfg(all(feature = "otlp", feature = "upstream"))]
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.file("server.log")).unwrap()
    }

    /// The command line of a server on stdio, for a client to start.
    pub(crate) fn stdio(&self) -> Vec<String> {
        let store = format!("--dynamic-store={}", self.file("tools.redb").display());
        vec![SERVER.to_owned(), store]
    }

    /// Starts a server on HTTP, and waits until it answers.
    #[cfg(feature = "http")]
    pub(crate) async fn http(&self) -> HttpServer {
        self.http_with(|_| Vec::new()).await
    }

    /// The same with more flags, which may depend on its URL.
    #[cfg(feature = "http")]
    pub(crate) async fn http_with(&self, flags: impl FnOnce(&str) -> Vec<String>) -> HttpServer {
        self.http_under(&[], flags).await
    }

    /// The same through `wrapper`, a command that ends in becoming its arguments.
    #[cfg(feature = "http")]
    pub(crate) async fn http_under(
        &self,
        wrapper: &[&str],
        flags: impl FnOnce(&str) -> Vec<String>,
    ) -> HttpServer {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let [program, store] = <[String; 2]>::try_from(self.stdio()).unwrap();
        let url = format!("http://127.0.0.1:{port}/mcp");
        let mut words = wrapper.iter().copied().chain([program.as_str()]);
        let mut process = Command::new(words.next().unwrap())
            .args(words)
            .args([store, "--transport=http".to_owned(), format!("--port={port}")])
            .args(flags(&url))
            .current_dir(self.folder.path())
            .env_clear()
            .env("MCP_EXECUTION_ENGINE", "embedded")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stderr(
                std::fs::File::options()
                    .append(true)
                    .create(true)
                    .open(self.file("server.log"))
                    .unwrap(),
            )
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended before it listened: {ended:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        HttpServer { process, address: (Ipv4Addr::LOCALHOST, port).into(), url }
    }
}

/// A test that fails shows what the servers on HTTP had to say.
impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.file("server.log")).unwrap_or_default();
            #[expect(clippy::print_stderr, reason = "the test's own output, shown when it fails")]
            {
                eprintln!("{log}");
            }
        }
    }
}

/// A server that listens.
#[cfg(feature = "http")]
pub(crate) struct HttpServer {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its MCP endpoint.
    pub(crate) url: String,
}

#[cfg(feature = "http")]
impl HttpServer {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Asks it to end, and sees it end well.
    pub(crate) async fn stop(mut self) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = self.process.wait().await.unwrap();
        assert!(ended.success(), "the server ended with {ended}");
    }
}
