//! A small MCP server over HTTP that remembers what it was sent: one tool, `work`, and sessions that it does not count.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One request.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) body: Value,
}

/// It, while it runs: as long as the test.
pub(crate) struct McpServer {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Its endpoint.
    pub(crate) url: String,
}

impl McpServer {
    pub(crate) async fn start() -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let router = Router::new().route("/{*path}", post(answer)).with_state(Arc::clone(&seen));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { seen, url }
    }

    /// The requests of this method.
    pub(crate) fn seen(&self, method: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| one.body["method"] == method).cloned().collect()
    }
}

async fn answer(
    State(seen): State<Arc<Mutex<Vec<Seen>>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let one = Seen { headers, query, body: body.clone() };
    let result = match body["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "mock", "version": "1" },
        }),
        "tools/list" => json!({
            "tools": [{ "name": "work", "description": "A tool.", "inputSchema": { "type": "object" } }],
        }),
        // It tells what it knows of its caller, as careless servers do.
        "tools/call" if body["params"]["arguments"]["fail"] == true => {
            let message = format!("no: {:?} {:?}", one.headers, one.query);
            let error = json!({ "code": -32_000, "message": message });
            seen.lock().unwrap().push(one);
            return written(&json!({ "jsonrpc": "2.0", "id": body["id"], "error": error }));
        }
        "tools/call" => json!({ "content": [{ "type": "text", "text": "done" }] }),
        _ => Value::Null,
    };
    seen.lock().unwrap().push(one);
    if body["id"].is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    let answer = if result.is_null() {
        let error = json!({ "code": -32_601, "message": "no such method" });
        json!({ "jsonrpc": "2.0", "id": body["id"], "error": error })
    } else {
        json!({ "jsonrpc": "2.0", "id": body["id"], "result": result })
    };
    written(&answer)
}

fn written(answer: &Value) -> Response {
    ([("content-type", "application/json")], answer.to_string()).into_response()
}
