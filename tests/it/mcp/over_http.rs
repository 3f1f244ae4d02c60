//! The MCP face behind HTTP: who is written down for a change.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use dynamic_mcp::adapters::inbound::http::{
    Access, HttpOptions, HttpParts, HttpServer, caller, log_level, trace,
};
use dynamic_mcp::adapters::inbound::mcp::{Extractors, McpOptions, McpServer};
use dynamic_mcp::adapters::outbound::clock::RandomIds;
use dynamic_mcp::adapters::outbound::telemetry::prometheus::PrometheusMetrics;
use dynamic_mcp::app::Lifecycle;
use dynamic_mcp::domain::{Actor, Caller};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::app::TestApp;

/// A server that lets in only whom `access` says.
pub(crate) async fn serve(
    test: &TestApp,
    access: impl FnOnce(&McpServer) -> Option<Access>,
) -> HttpServer {
    let lifecycle = Lifecycle::new(Duration::from_secs(1));
    let options = McpOptions::default();
    let face = McpServer::on_transport(
        test.app.clone(),
        options,
        lifecycle.clone(),
        Extractors { caller, log_level, trace },
    );
    let parts = HttpParts {
        ids: Arc::new(RandomIds),
        metrics: Arc::new(PrometheusMetrics::new().unwrap()),
        audit: Arc::new(dynamic_mcp::ports::NoAudit),
        access: access(&face),
        readiness: Arc::new(|| Box::pin(async { Vec::new() })),
        session_store: None,
        mailbox: None,
        lifecycle,
    };
    let options = HttpOptions { port: 0, ..HttpOptions::default() };
    HttpServer::bind(options, move || face.session(), parts).await.unwrap()
}

/// A request of the revision without sessions.
pub(crate) fn call(tool: &str, arguments: &Value) -> http::Request<Body> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    http::Request::builder()
        .method("POST")
        .uri("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(Body::from(body.to_string()))
        .unwrap()
}

#[tokio::test]
async fn a_change_is_written_down_with_the_client_that_made_it() {
    let test = TestApp::new();
    let router = serve(&test, |_| None).await.router();
    let tool = |name: &str| json!({ "tool": { "name": name, "description": "d", "code": "echo" } });
    let nobody = call("dynamic.tool.create", &tool("text.local"));
    let mut agent = call("dynamic.tool.create", &tool("text.agent"));
    let client = Some("agent".into());
    agent.extensions_mut().insert(Caller { client, ..Caller::local() });
    for request in [nobody, agent] {
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
    }
    let actor = |name: &str| test.app.catalog.get(name).unwrap().record().actor.clone();
    assert_eq!(actor("text.local"), Actor::Local);
    assert_eq!(actor("text.agent"), Actor::Client("agent".to_owned()));
}
