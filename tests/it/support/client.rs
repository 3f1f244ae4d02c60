//! A client that writes and reads raw JSON-RPC lines, so that tests see exactly what goes over the wire.

use std::collections::VecDeque;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::mcp::{McpOptions, McpServer};
use dynamic_mcp::adapters::inbound::stdio::{StdioError, serve_streams};
use dynamic_mcp::app::Lifecycle;
use dynamic_mcp::domain::Profile;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, Lines,
};
use tokio::task::JoinHandle;

use super::app::TestApp;

/// Only a guard against hanging.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const LATEST_SESSION: &str = "2025-11-25";
pub(crate) const STATELESS: &str = "2026-07-28";

/// A client on any pair of streams.
pub(crate) struct Client<R, W> {
    lines: Lines<BufReader<R>>,
    output: Option<W>,
    next_id: u64,
    /// Messages that came while another one was waited for.
    pending: VecDeque<Value>,
    /// Goes into every request's `_meta`.
    meta: Value,
    name: String,
}

pub(crate) type DuplexClient = Client<DuplexStream, DuplexStream>;

/// A server on fakes and its first client.
pub(crate) struct Served {
    pub(crate) test: TestApp,
    pub(crate) server: McpServer,
    pub(crate) client: DuplexClient,
    pub(crate) ended: JoinHandle<Result<(), StdioError>>,
}

impl Served {
    pub(crate) fn new(test: TestApp) -> Self {
        Self::with(test, McpOptions::default())
    }

    pub(crate) fn with(test: TestApp, options: McpOptions) -> Self {
        let server = McpServer::new(test.app.clone(), options, test.lifecycle.clone());
        let (client, ended) = connect(&server, test.lifecycle.clone());
        Self { test, server, client, ended }
    }

    /// A server whose client has opened a session of the newest revision that has sessions.
    pub(crate) async fn open() -> Self {
        let mut served = Self::new(TestApp::new());
        served.client.initialize(LATEST_SESSION).await;
        served
    }

    /// The enterprise profile, with a client that has opened such a session.
    pub(crate) async fn enterprise(test: TestApp) -> Self {
        let options = McpOptions { profile: Profile::Enterprise, ..McpOptions::default() };
        let mut served = Self::with(test, options);
        served.client.initialize(LATEST_SESSION).await;
        served
    }

    /// One more session on the same server, whose end is not the server's.
    pub(crate) fn connect(&self) -> DuplexClient {
        connect(&self.server, Lifecycle::new(Duration::from_secs(1))).0
    }
}

fn connect(
    server: &McpServer,
    lifecycle: Lifecycle,
) -> (DuplexClient, JoinHandle<Result<(), StdioError>>) {
    let (output, input) = tokio::io::duplex(64 * 1024);
    let (sink, source) = tokio::io::duplex(64 * 1024);
    let server = server.clone();
    let ended = tokio::spawn(async move { serve_streams(&server, &lifecycle, input, sink).await });
    (Client::new(source, output), ended)
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Client<R, W> {
    pub(crate) fn new(input: R, output: W) -> Self {
        Self {
            lines: BufReader::new(input).lines(),
            output: Some(output),
            next_id: 0,
            pending: VecDeque::new(),
            meta: json!({}),
            name: "test".to_owned(),
        }
    }

    /// Calls itself this from now on.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Opens a session.
    pub(crate) async fn initialize(&mut self, version: &str) -> Value {
        self.initialize_able(version, json!({})).await
    }

    /// Opens a session as a client with these capabilities.
    pub(crate) async fn initialize_able(&mut self, version: &str, able: Value) -> Value {
        let client = json!({ "name": self.name, "version": "1" });
        let params =
            json!({ "protocolVersion": version, "capabilities": able, "clientInfo": client });
        let answer = self.request("initialize", params).await;
        self.notify("notifications/initialized", json!({})).await;
        answer["result"].clone()
    }

    /// Uses the revision without sessions from now on.
    pub(crate) fn stateless(&mut self) {
        self.meta = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": "1" },
        });
    }

    /// Adds to every request's `_meta`.
    pub(crate) fn meta(&mut self, key: &str, value: Value) {
        self.meta[key] = value;
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let output = self.output.as_mut().unwrap();
        tokio::time::timeout(PATIENCE, output.write_all(bytes)).await.unwrap().unwrap();
        output.flush().await.unwrap();
    }

    /// Sends a request and returns its id at once.
    pub(crate) async fn start(&mut self, method: &str, mut params: Value) -> Value {
        self.next_id += 1;
        if self.meta.as_object().is_some_and(|meta| !meta.is_empty()) {
            params["_meta"] = self.meta.clone();
        }
        let message =
            json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params });
        self.send_raw(format!("{message}\n").as_bytes()).await;
        self.next_id.into()
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send_raw(format!("{message}\n").as_bytes()).await;
    }

    /// Answers a request of the server.
    #[cfg(feature = "upstream")]
    pub(crate) async fn reply(&mut self, request: &Value, result: Value) {
        let message = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        self.send_raw(format!("{message}\n").as_bytes()).await;
    }

    /// A request's whole answer.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.start(method, params).await;
        self.answer(&id).await
    }

    /// The answer to the request with this id.
    pub(crate) async fn answer(&mut self, id: &Value) -> Value {
        self.wait_for(|message| message.get("id") == Some(id) && message.get("method").is_none())
            .await
    }

    /// The next notification of this method.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        self.wait_for(|message| message["method"] == method).await
    }

    /// The result of a tool's call.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let answer = self.request("tools/call", params).await;
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Makes a tool out of one of the fake engine's scripts.
    pub(crate) async fn create(&mut self, name: &str, code: &str) -> Value {
        let tool = json!({ "name": name, "description": "A tool.", "code": code });
        let result = self.call("dynamic.tool.create", json!({ "tool": tool })).await;
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"]["tool"].clone()
    }

    /// The names in `tools/list`.
    pub(crate) async fn names(&mut self) -> Vec<String> {
        let answer = self.request("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The first message that fits, pending ones first.
    pub(crate) async fn wait_for(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.pending.iter().position(&fits) {
            return self.pending.remove(at).unwrap();
        }
        loop {
            let message =
                self.read().await.unwrap_or_else(|| panic!("the server has closed its end"));
            if fits(&message) {
                return message;
            }
            self.pending.push_back(message);
        }
    }

    /// The next message on the wire, whatever it is; `None` when the server has closed its end.
    pub(crate) async fn read(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("nothing came")).unwrap()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}")))
    }

    /// What came of notifications so far while other messages were waited for.
    pub(crate) fn pending(&self, method: &str) -> usize {
        self.pending.iter().filter(|message| message["method"] == method).count()
    }

    /// Closes the client's writing end.
    pub(crate) fn hang_up(&mut self) {
        self.output = None;
    }

    /// Closes the client's reading end; what is left is the writing one.
    pub(crate) fn abandon(self) -> W {
        self.output.unwrap()
    }

    /// Writes without reading until the server takes no more; then reads until it has taken everything and
    /// answered that often. Returns how many bytes it took at first, and how many answers came.
    pub(crate) async fn flood(&mut self, bytes: &[u8], answers: usize) -> (usize, usize) {
        let mut output = self.output.take().unwrap();
        let mut sent = 0;
        while sent < bytes.len() {
            let write = output.write(&bytes[sent..]);
            match tokio::time::timeout(Duration::from_secs(2), write).await {
                Ok(written) => sent += written.unwrap(),
                Err(_) => break,
            }
        }
        let held_back_at = sent;
        let mut answered = 0;
        while answered < answers {
            tokio::select! {
                written = output.write(&bytes[sent..]), if sent < bytes.len() => {
                    sent += written.unwrap();
                }
                line = self.lines.next_line() => {
                    line.unwrap().unwrap();
                    answered += 1;
                }
            }
        }
        self.output = Some(output);
        (held_back_at, answered)
    }
}
