//! What access tokens, the guard, the audit log and metrics cost a call over HTTP: one connection to a server with all of
//! them beside one to a server without tokens and audit, in turns.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::process::Child;

use crate::http::{Connection, message};
use crate::keys::SigningKey;
use crate::scenarios::Bench;
use crate::server::{Subject, cpu_time};
use crate::stats::show;

const ISSUER: &str = "https://issuer.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// Turns of either server.
const ROUNDS: usize = 40;

/// A server with one connection to it.
struct Side {
    server: Child,
    connection: Connection,
    call: Vec<u8>,
    /// The median time of a call, and the processor time of the server a call, of each round.
    rounds: (Vec<Duration>, Vec<Duration>),
}

impl Side {
    async fn start(subject: &Subject, credential: String, call: &[u8]) -> Self {
        let (server, address) = subject.http().await;
        let mut connection = Connection::open(&address).await;
        connection.credential = credential;
        connection.initialize().await;
        Self { server, connection, call: call.to_owned(), rounds: Default::default() }
    }

    async fn round(&mut self, count: usize) {
        let before = cpu_time(self.server.id().unwrap());
        let mut latencies = Vec::with_capacity(count);
        for _ in 0..count {
            let at = Instant::now();
            self.connection.post(&self.call).await;
            latencies.push(at.elapsed());
        }
        let used = cpu_time(self.server.id().unwrap()).saturating_sub(before);
        self.rounds.0.push(median(latencies));
        self.rounds.1.push(used / u32::try_from(count).unwrap());
    }
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

impl Bench<'_> {
    /// The difference that they make.
    pub(crate) async fn guarded(&mut self, folder: &Path) {
        // The guard lets it in and the audit log is told; the time limit is refused before any sandbox.
        let refused = tool("run_js_ephemeral", &json!({ "code": "return 1", "timeoutMs": 1 }));
        // Neither asked for by the guard nor told to anybody.
        let health = tool("system.health", &json!({}));
        for key in [SigningKey::new("es"), SigningKey::rsa("rs", Algorithm::RS256)] {
            let name = format!("{:?}", key.algorithm);
            let folder = folder.join(&name);
            std::fs::create_dir(&folder).unwrap();
            let bare = Subject::server(self.binary, &folder.join("bare"));
            let guarded =
                Subject::with(self.binary, &folder.join("guarded"), settings(&folder, &key).await);
            let credential = format!("Authorization: Bearer {}\r\n", token(&key));
            let mut sides = [
                Side::start(&bare, String::new(), &health).await,
                Side::start(&bare_beside(self.binary, &folder), String::new(), &refused).await,
                Side::start(&guarded, credential, &refused).await,
            ];
            let count = (2_000 / self.divide).max(50);
            for _ in 0..ROUNDS {
                for side in &mut sides {
                    side.round(count).await;
                }
            }
            let [health, bare, guarded] = sides.map(|side| side.rounds);
            for (what, from) in [
                ("tokens, audit", &bare),
                ("tokens, guard, audit, metrics and a tool with arguments", &health),
            ] {
                let what = format!("HTTP, 1 connection: {what} ({name})");
                self.difference(&what, &guarded, from);
            }
        }
    }

    fn difference(
        &mut self,
        what: &str,
        with: &(Vec<Duration>, Vec<Duration>),
        without: &(Vec<Duration>, Vec<Duration>),
    ) {
        let figure = |with: &[Duration], without: &[Duration]| {
            let each = with.iter().zip(without);
            let more = median(each.map(|(with, without)| with.saturating_sub(*without)).collect());
            let (with, without) = (median(with.to_vec()), median(without.to_vec()));
            let ratio = with.as_secs_f64() / without.as_secs_f64();
            (format!("{} more ({} for {})", show(more), show(with), show(without)), ratio)
        };
        let (took, ratio) = figure(&with.0, &without.0);
        let (used, _) = figure(&with.1, &without.1);
        self.report.row(what, format!("p50 {took}; processor {used}"), "-", Some(ratio));
    }
}

/// One more server without anything, so that each side has one of its own.
fn bare_beside(binary: &Path, folder: &Path) -> Subject {
    Subject::server(binary, &folder.join("beside"))
}

fn tool(name: &str, arguments: &Value) -> Vec<u8> {
    message(Some(2), "tools/call", &json!({ "name": name, "arguments": arguments }))
}

/// As in production.
async fn settings(folder: &Path, key: &SigningKey) -> Vec<(&'static str, String)> {
    vec![
        ("MCP_PROFILE", "enterprise".to_owned()),
        ("MCP_AUTH_MODE", "jwt".to_owned()),
        ("MCP_AUTH_JWKS_URL", publish(key).await),
        ("MCP_AUTH_ISSUER", ISSUER.to_owned()),
        ("MCP_AUTH_AUDIENCE", AUDIENCE.to_owned()),
        ("MCP_AUTH_REQUIRED_SCOPES", "mcp:use".to_owned()),
        ("MCP_AUTH_ADMIN_SCOPE", "mcp:admin".to_owned()),
        ("MCP_AUDIT_ENABLED", "true".to_owned()),
        ("MCP_AUDIT_FILE", folder.join("audit.log").display().to_string()),
        ("MCP_AUDIT_MAX_FILE_BYTES", "1000000000".to_owned()),
    ]
}

/// Serves the key as an issuer does, as long as this program runs.
async fn publish(key: &SigningKey) -> String {
    let document = json!({ "keys": [key.public] }).to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/jwks", axum::routing::get(move || std::future::ready(document.clone())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn token(key: &SigningKey) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    key.sign(&json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "client_id": "agent",
        "scope": "mcp:use openid profile", "iat": now, "exp": now + 3600, "jti": "0f8fad5b-d9cb-469f-a165-70867728950e",
    }))
}
