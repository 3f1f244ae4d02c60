//! A raw HTTP/1.1 client with keep-alive.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::stats::Sample;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
    pub(crate) session: Option<String>,
    /// The header `Authorization` with its end, or nothing.
    pub(crate) credential: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::with_capacity(4_096, stream),
            address: address.to_owned(),
            session: None,
            credential: String::new(),
            body: Vec::new(),
        }
    }

    /// A session of the 2025-11-25 revision.
    pub(crate) async fn initialize(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1" },
        });
        let initialize = message(Some(1), "initialize", &params);
        self.post(&initialize).await;
        self.post(&message(None, "notifications/initialized", &json!({}))).await;
    }

    /// Opens the session's event stream and leaves it open; gives the connection back for reading events.
    pub(crate) async fn listen(mut self) -> BufReader<TcpStream> {
        let session = self.session.as_deref().unwrap();
        let head = format!(
            "GET /mcp HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\
             MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n\r\n",
            self.address
        );
        self.stream.get_mut().write_all(head.as_bytes()).await.unwrap();
        let (status, _) = self.head().await;
        assert_eq!(status, 200, "the event stream was refused");
        self.stream
    }

    /// Posts one message and reads its answer; panics unless the status is a success.
    pub(crate) async fn post(&mut self, message: &[u8]) {
        let session = self.session.as_ref().map_or_else(String::new, |id| {
            format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {id}\r\n")
        });
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{}{session}Content-Length: {}\r\n\r\n",
            self.address,
            self.credential,
            message.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(message);
        self.stream.get_mut().write_all(&request).await.unwrap();
        let (status, length) = self.head().await;
        self.read_body(length).await;
        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&self.body));
    }

    /// Status and body length; `None` for a chunked body.
    async fn head(&mut self) -> (u16, Option<usize>) {
        let mut status = 0;
        let mut length = Some(0);
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "connection closed");
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line == "\r\n" {
                    return (status, length);
                }
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.trim().parse().unwrap()),
                "transfer-encoding" => length = None,
                "mcp-session-id" => self.session = Some(value.trim().to_owned()),
                _ => {}
            }
        }
    }

    async fn read_body(&mut self, length: Option<usize>) {
        self.body.clear();
        if let Some(length) = length {
            self.body.resize(length, 0);
            self.stream.read_exact(&mut self.body).await.unwrap();
            return;
        }
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let start = self.body.len();
            self.body.resize(start + size + 2, 0);
            self.stream.read_exact(&mut self.body[start..]).await.unwrap();
            self.body.truncate(start + size);
            if size == 0 {
                return;
            }
        }
    }
}

/// A JSON-RPC message as bytes.
pub(crate) fn message(id: Option<u64>, method: &str, params: &Value) -> Vec<u8> {
    let mut message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
    if let Some(id) = id {
        message["id"] = id.into();
    }
    serde_json::to_vec(&message).unwrap()
}

/// `connections` sessions that each post the same message `count` times, one after the other.
pub(crate) async fn load(
    address: &str,
    connections: usize,
    count: usize,
    message: &[u8],
) -> Sample {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(address).await;
        connection.initialize().await;
        open.push(connection);
    }
    let begun = Instant::now();
    let each = open.into_iter().map(async |mut connection| {
        let mut latencies = Vec::with_capacity(count);
        for _ in 0..count {
            let at = Instant::now();
            connection.post(message).await;
            latencies.push(at.elapsed());
        }
        latencies
    });
    let latencies = futures_util::future::join_all(each).await.into_iter().flatten().collect();
    Sample::new(latencies, begun.elapsed())
}
