//! A raw client on pipes: it only finds the ids in what comes back, so that little of the time is its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::stats::Sample;

pub(crate) struct Client {
    pub(crate) child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    next_id: u64,
}

impl Client {
    pub(crate) fn new(mut child: Child) -> Self {
        let input = child.stdin.take().unwrap();
        let output = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
        Self { child, input, output, line: Vec::new(), next_id: 1 }
    }

    /// The handshake of the 2025-11-25 revision.
    pub(crate) async fn initialize(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1" },
        });
        self.request("initialize", &params).await;
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    }

    /// One request; its answer parsed.
    pub(crate) async fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.start(method, params).await;
        while self.receive().await != Some(id) {}
        serde_json::from_slice(&self.line).unwrap()
    }

    /// A tool call; panics if it failed.
    pub(crate) async fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer =
            self.request("tools/call", &json!({ "name": tool, "arguments": arguments })).await;
        assert!(answer["result"]["isError"] != true && answer["result"].is_object(), "{answer}");
        answer
    }

    /// `count` requests, `in_flight` at a time, each made by `request` from its number.
    pub(crate) async fn load(
        &mut self,
        count: usize,
        in_flight: usize,
        request: impl Fn(usize) -> (&'static str, Value),
    ) -> Sample {
        let mut started = HashMap::new();
        let mut latencies = Vec::with_capacity(count);
        let begun = Instant::now();
        let mut sent = 0;
        while latencies.len() < count {
            while sent < count && started.len() < in_flight {
                let (method, params) = request(sent);
                let at = Instant::now();
                started.insert(self.start(method, &params).await, at);
                sent += 1;
            }
            if let Some(at) = self.receive().await.and_then(|id| started.remove(&id)) {
                latencies.push(at.elapsed());
                assert!(!self.failed(), "{}", String::from_utf8_lossy(&self.line));
            }
        }
        Sample::new(latencies, begun.elapsed())
    }

    /// Closes stdin and waits for the end.
    pub(crate) async fn close(self) {
        let Self { mut child, input, output, .. } = self;
        drop((input, output));
        let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
        ended.expect("the server did not end when its stdin closed").unwrap();
    }

    async fn start(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    async fn send(&mut self, message: &Value) {
        let mut line = serde_json::to_vec(message).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).await.unwrap();
    }

    /// The next message's id, if it has one; the message itself is in `line`.
    async fn receive(&mut self) -> Option<u64> {
        self.line.clear();
        let read = self.output.read_until(b'\n', &mut self.line).await.unwrap();
        assert!(read > 0, "the server went away");
        let head = &self.line[..self.line.len().min(64)];
        let at = head.windows(5).position(|bytes| bytes == b"\"id\":")? + 5;
        let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |id, digit| id * 10 + u64::from(digit - b'0')))
    }

    /// Whether the last message says so near its end, where results hold `isError`.
    fn failed(&self) -> bool {
        let tail = &self.line[self.line.len().saturating_sub(4_096)..];
        let holds = |words: &[u8]| tail.windows(words.len()).any(|bytes| bytes == words);
        holds(b"\"isError\":true") || holds(b"\"error\":{\"code\"")
    }
}
