//! A client that can be rude: it writes what it is told to, byte for byte, and reads what comes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

/// The call of a tool on a session.
pub(crate) fn call(id: u32, tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
    )
}

/// A request of 2026-07-28, which needs no session. `params`: the members beside `_meta`.
pub(crate) fn stateless(id: u32, method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"test","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// What goes with a [`stateless`] request.
pub(crate) fn stateless_headers(method: &str, name: Option<&str>) -> String {
    let name = name.map(|name| format!("Mcp-Name: {name}\r\n")).unwrap_or_default();
    format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}")
}

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// An answer's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice");
        value
    }

    /// What every answer has to carry.
    pub(crate) fn assert_sealed(&self) {
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        assert_eq!(self.header("x-frame-options"), Some("DENY"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        assert!(self.header("x-request-id").is_some_and(|id| (1..=128).contains(&id.len())));
        assert_eq!(self.header("server"), None);
        assert_eq!(self.header("x-powered-by"), None);
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    /// The answer is this refusal, whole and sealed.
    pub(crate) fn assert_refused(&self, status: u16, code: i64) {
        let body = self.json();
        assert_eq!((self.head.status, &body["error"]["code"]), (status, &code.into()), "{body}");
        assert_eq!(body["jsonrpc"], "2.0");
        assert!(body.get("id").is_some(), "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
        let id = body["error"]["data"]["requestId"].as_str();
        assert_eq!(id, self.head.header("x-request-id"));
        assert_eq!(self.head.header("content-type"), Some("application/json"));
        self.head.assert_sealed();
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    /// `None` where nobody listens.
    pub(crate) async fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).unwrap();
        Some(Self { stream: BufReader::new(stream), address })
    }

    /// Writes bytes as they are. A server that has closed is no error: it may do so while it is written to.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _closed = self.stream.get_mut().write_all(bytes).await;
    }

    /// Sends a request; `headers` are lines that end in CRLF.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        self.write(&[head.as_bytes(), body.as_bytes()].concat()).await;
    }

    /// Posts an MCP message.
    pub(crate) async fn post(&mut self, headers: &str, body: &str) -> Answer {
        let headers = format!("{}{headers}", mcp_headers());
        self.send("POST", "/mcp", &headers, body).await;
        self.answer().await
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&mut self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(method, path, headers, "").await;
        self.answer().await
    }

    pub(crate) async fn head(&mut self) -> Head {
        self.try_head().await.unwrap()
    }

    /// The next answer's head; `None` if the server has closed the connection.
    pub(crate) async fn try_head(&mut self) -> Option<Head> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines[1..].iter().map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Some(Head { status, headers: headers.collect() })
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let mut body = Vec::new();
        if head.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
        } else if head.status != 204 && head.status != 202 {
            let length: usize = head.header("content-length").map_or(0, |n| n.parse().unwrap());
            body.resize(length, 0);
            self.within(async |stream| stream.read_exact(&mut body).await.map(drop)).await.unwrap();
        }
        Answer { head, body }
    }

    /// The next event of a stream that carries data; `None` at its end.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        let mut text = String::new();
        loop {
            text.push_str(&String::from_utf8(self.chunk().await?).unwrap());
            if text.ends_with("\n\n") {
                let data = data_of(&text);
                if !data.is_empty() {
                    return Some(serde_json::from_str(&data).unwrap());
                }
                text.clear();
            }
        }
    }

    /// The next chunk; `None` at the end of the answer, or of the connection.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.line().await?, 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.within(async |stream| stream.read_exact(&mut chunk).await.map(drop)).await.ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        let _reset =
            self.within(async |stream| stream.read_to_end(&mut rest).await.map(drop)).await;
        assert_eq!(String::from_utf8_lossy(&rest), "", "nothing more was to come");
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.within(async |stream| stream.read_line(&mut line).await.map(drop)).await;
        read.ok()?;
        line.strip_suffix("\r\n").map(str::to_owned)
    }

    async fn within(
        &mut self,
        read: impl AsyncFnOnce(&mut BufReader<TcpStream>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        tokio::time::timeout(PATIENCE, read(&mut self.stream)).await.unwrap()
    }
}

/// What goes with every MCP message.
pub(crate) fn mcp_headers() -> &'static str {
    "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
}

/// The data of server-sent events.
pub(crate) fn data_of(events: &str) -> String {
    let data = events.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(str::trim).filter(|data| !data.is_empty()).collect()
}
