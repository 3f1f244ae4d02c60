//! Calls of attached servers in traces: the caller's trace goes on there.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use super::traces::{CALLER, TRACE, call, named};
use crate::e2e::server::{HttpServer, Site};
use crate::support::collector::{Collector, hex};
use crate::support::mcp_server::McpServer;

const ADMIN: &str = "admin-token-of-the-tests";
/// A program that keeps every line it reads, and answers as a server with one tool.
const PROGRAM: &str = r#"while IFS= read -r line; do printf '%s\n' "$line" >> "$1"
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id" ;;
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"work","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"tools/call"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\n' "$id" ;;
  esac
done"#;

async fn server(site: &Site, collector: &Collector) -> HttpServer {
    let flags = [
        "--profile=enterprise",
        "--experimental-upstream-mcp-attach",
        "--upstream-private-hosts=127.0.0.1",
        "--upstream-commands=/bin/sh",
    ];
    let more = [
        format!("--admin-token={ADMIN}"),
        format!("--otel-exporter-otlp-endpoint={}", collector.endpoint),
    ];
    site.http_with(|_| flags.map(str::to_owned).into_iter().chain(more).collect()).await
}

async fn attach(server: &HttpServer, mut draft: Value) {
    draft["adminToken"] = ADMIN.into();
    let attached = call(&server.url, None, "upstream.mcp.attach", &draft).await;
    assert_eq!(attached["isError"], false, "{attached}");
}

/// The span of the call there, which `traceparent` has to name.
fn is_child_of_our_span(spans: &[Span], parent: &str) {
    let theirs = spans.iter().find(|span| span.name == "tools/call work" && span.kind == 3);
    let theirs = theirs.unwrap_or_else(|| panic!("no span of kind client in {spans:?}"));
    assert_eq!(parent, format!("00-{TRACE}-{}-01", hex(&theirs.span_id)));
    let ours = named(spans, "tools/call up.work");
    assert_eq!(theirs.parent_span_id, ours.span_id);
}

#[tokio::test]
async fn over_http_the_trace_goes_on_in_headers_and_in_meta() {
    let (collector, there) = (Collector::start().await, McpServer::start().await);
    let site = Site::new();
    let server = server(&site, &collector).await;
    attach(&server, json!({ "alias": "up", "transport": "http", "url": there.url })).await;
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let called = call(&server.url, Some(&parent), "up.work", &json!({})).await;
    assert_eq!(called["isError"], false, "{called}");
    server.stop().await;
    let calls = there.seen("tools/call");
    let [seen] = calls.as_slice() else { panic!("{} calls", calls.len()) };
    let header = seen.headers["traceparent"].to_str().unwrap();
    assert_eq!(seen.body["params"]["_meta"]["traceparent"], header);
    assert_eq!(seen.headers["tracestate"], "vendor=1");
    is_child_of_our_span(&collector.spans(), header);
}

#[tokio::test]
async fn over_standard_streams_it_goes_on_in_meta() {
    let collector = Collector::start().await;
    let (site, folder) = (Site::new(), tempfile::tempdir().unwrap());
    let server = server(&site, &collector).await;
    let kept = folder.path().join("lines");
    let draft = json!({
        "alias": "up", "transport": "stdio", "command": "/bin/sh", "args": ["-c", PROGRAM, "sh", kept],
    });
    attach(&server, draft).await;
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let called = call(&server.url, Some(&parent), "up.work", &json!({})).await;
    assert_eq!(called["isError"], false, "{called}");
    server.stop().await;
    let lines = std::fs::read_to_string(kept).unwrap();
    let sent = lines.lines().find(|line| line.contains("tools/call")).unwrap();
    let sent: Value = serde_json::from_str(sent).unwrap();
    is_child_of_our_span(
        &collector.spans(),
        sent["params"]["_meta"]["traceparent"].as_str().unwrap(),
    );
}
