//! What is measured, each against the echo server where it can do the same.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt as _;

use crate::http::{Connection, load, message};
use crate::server::{Subject, pss_kib};
use crate::stats::{Report, Sample, ratio, show};
use crate::stdio::Client;

const ECHO: &str = "echo";
const UPPERCASE: &str = "text.uppercase";

pub(crate) struct Bench<'a> {
    pub(crate) binary: &'a Path,
    /// Divides the counts, for a quick run.
    pub(crate) divide: usize,
    pub(crate) report: Report,
}

impl Bench<'_> {
    fn count(&self, full: usize) -> usize {
        (full / self.divide).max(8)
    }

    fn compare(&mut self, what: &str, ours: &Sample, echo: &Sample) {
        let ratio = ratio(ours.p50(), echo.p50());
        self.report.row(what, ours.to_string(), &echo.to_string(), Some(ratio));
    }

    /// From spawn to the answer to `initialize`.
    pub(crate) async fn cold_start(&mut self, folder: &Path) {
        let server = Subject::server(self.binary, folder);
        let (mut ours, mut echo) = (Vec::new(), Vec::new());
        for _ in 0..self.count(50) {
            for (subject, latencies) in [(&server, &mut ours), (&Subject::Echo, &mut echo)] {
                let begun = Instant::now();
                let mut client = Client::new(subject.stdio());
                client.initialize().await;
                latencies.push(begun.elapsed());
                client.close().await;
            }
        }
        let total = |latencies: Vec<Duration>| {
            let wall = latencies.iter().sum();
            Sample::new(latencies, wall)
        };
        self.compare("stdio: spawn to initialize answered", &total(ours), &total(echo));
    }

    /// All processes of an idle server that has served a call, and the size of the binary.
    pub(crate) async fn footprint(&mut self, folder: &Path) {
        let mut ours = self.started(folder).await;
        let mut echo = Client::new(Subject::Echo.stdio());
        echo.initialize().await;
        ours.call(UPPERCASE, &json!({ "text": "hello" })).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (a, b) = (pss_kib(ours.child.id().unwrap()), pss_kib(echo.child.id().unwrap()));
        let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1_024.0);
        self.report.row(
            "idle memory (PSS, all processes)",
            mib(a),
            &mib(b),
            Some(a as f64 / b as f64),
        );
        let size = std::fs::metadata(self.binary).unwrap().len() / 1_024;
        self.report.row("size of the binary", mib(size), "-", None);
        ours.close().await;
        echo.close().await;
    }

    /// Round trips on pipes.
    pub(crate) async fn stdio_calls(&mut self, folder: &Path) {
        let mut ours = self.started(folder).await;
        let mut echo = Client::new(Subject::Echo.stdio());
        echo.initialize().await;
        let health = |_| ("tools/call", json!({ "name": "system.health", "arguments": {} }));
        let text =
            |tool: &'static str, text: &str| json!({ "name": tool, "arguments": { "text": text } });
        let trivial = |_| ("tools/call", text(UPPERCASE, "hello"));
        let bare = |_| ("tools/call", text(ECHO, "hello"));

        let calls = self.count(40_000);
        let (a, b) = (ours.load(calls, 1, health).await, echo.load(calls, 1, bare).await);
        self.compare("stdio: system.health, 1 in flight", &a, &b);
        let calls = self.count(4_000);
        let (a, b) = (ours.load(calls, 1, trivial).await, echo.load(calls, 1, bare).await);
        self.compare("stdio: trivial dynamic tool, 1 in flight", &a, &b);
        let (a, b) = (ours.load(calls, 8, trivial).await, echo.load(calls, 8, bare).await);
        self.compare("stdio: trivial dynamic tool, 8 in flight", &a, &b);

        for (what, bytes) in [("64 KB", 64 << 10), ("1 MB", 1 << 20)] {
            let large = "x".repeat(bytes);
            let count = self.count(100);
            let a = ours.load(count, 1, |_| ("tools/call", text(UPPERCASE, &large))).await;
            let b = echo.load(count, 1, |_| ("tools/call", text(ECHO, &large))).await;
            self.compare(&format!("stdio: {what} of arguments and result"), &a, &b);
        }
        ours.close().await;
        echo.close().await;
    }

    /// Creates on redb, then lists and a restart with as many tools.
    pub(crate) async fn registry(&mut self, folder: &Path) {
        let subject = Subject::server(self.binary, folder);
        let mut client = Client::new(subject.stdio());
        client.initialize().await;
        let padding = "/".repeat(1_900);
        let create = |number: usize| {
            let code = format!("return {{ upper: String(args.text).toUpperCase() }};//{padding}");
            let tool = json!({
                "name": format!("bench.tool{number:05}"),
                "description": "Upper-cases a text.",
                "code": code,
            });
            ("tools/call", json!({ "name": "dynamic.tool.create", "arguments": { "tool": tool } }))
        };
        let all = self.count(5_000);
        let step = all / 5;
        for done in (0..all).step_by(step) {
            let made = client.load(step, 8, |number| create(done + number)).await;
            let what = format!("create on redb, 8 in flight, from {done} tools");
            self.report.row(&what, made.to_string(), "-", None);
            if done == 0 || done + step >= all {
                let count = done + step;
                let lists = client.load(self.count(50), 1, |_| ("tools/list", json!({}))).await;
                self.report.row(&format!("tools/list of {count}"), lists.to_string(), "-", None);
            }
        }
        client.close().await;

        let mut restarts = Vec::new();
        let begun = Instant::now();
        for _ in 0..10 {
            let begun = Instant::now();
            let mut client = Client::new(subject.stdio());
            client.initialize().await;
            let listed = client.request("tools/list", &json!({})).await;
            restarts.push(begun.elapsed());
            assert!(listed["result"]["tools"].as_array().unwrap().len() > all);
            client.close().await;
        }
        let restarts = Sample::new(restarts, begun.elapsed());
        self.report.row(&format!("restart to listed with {all}"), show(restarts.p50()), "-", None);
    }

    /// Round trips on HTTP, 32 connections with a session each.
    pub(crate) async fn http_calls(&mut self, folder: &Path) {
        let (_server, ours) = Subject::server(self.binary, folder).http().await;
        let (_echo, echo) = Subject::Echo.http().await;
        let call =
            |name: &str| message(Some(2), "tools/call", &json!({ "name": name, "arguments": {} }));
        let count = self.count(2_000);
        let a = load(&ours, 32, count, &call("system.health")).await;
        let b = load(&echo, 32, count, &call(ECHO)).await;
        self.compare("HTTP: system.health, 32 connections", &a, &b);
    }

    /// What a session costs, and how long until all of them are told of a change.
    pub(crate) async fn sessions(&mut self, folder: &Path) {
        let (server, address) = Subject::server(self.binary, folder).http().await;
        let mut maker = Connection::open(&address).await;
        maker.initialize().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = pss_kib(server.id().unwrap());
        let count = self.count(1_000);
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = Connection::open(&address).await;
            connection.initialize().await;
            streams.push(connection.listen().await);
        }
        let each = (pss_kib(server.id().unwrap()) - before) as f64 / count as f64;
        let what = format!("memory a legacy session with an open stream ({count})");
        self.report.row(&what, format!("{each:.1} KiB"), "-", None);

        let tool = json!({ "name": "bench.told", "description": "Told.", "code": "return 1" });
        let params = json!({ "name": "dynamic.tool.create", "arguments": { "tool": tool } });
        let create = message(Some(3), "tools/call", &params);
        let begun = Instant::now();
        let told = streams.iter_mut().map(async |stream| {
            let mut line = String::new();
            while !line.contains("notifications/tools/list_changed") {
                line.clear();
                assert!(stream.read_line(&mut line).await.unwrap() > 0, "stream closed");
            }
        });
        tokio::join!(maker.post(&create), futures_util::future::join_all(told));
        let what = format!("one create told to {count} open sessions");
        self.report.row(&what, show(begun.elapsed()), "-", None);
    }

    async fn started(&self, folder: &Path) -> Client {
        let mut client = Client::new(Subject::server(self.binary, folder).stdio());
        client.initialize().await;
        let tool: Value = json!({
            "name": UPPERCASE,
            "description": "Upper-cases a text.",
            "code": "return { upper: String(args.text).toUpperCase() }",
        });
        client.call("dynamic.tool.create", &json!({ "tool": tool })).await;
        client
    }
}
