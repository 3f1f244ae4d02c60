//! Traces of the real server, as a collector gets them.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::e2e::server::{HttpServer, Site};
use crate::support::client::{Client, STATELESS};
use crate::support::collector::{Collector, hex, text};

pub(super) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(super) const CALLER: &str = "b7ad6b7169203331";

async fn server(site: &Site, endpoint: &str) -> HttpServer {
    let endpoint = format!("--otel-exporter-otlp-endpoint={endpoint}");
    site.http_with(|_| vec!["--profile=enterprise".to_owned(), endpoint]).await
}

/// A call over HTTP without a session, with this `traceparent`.
pub(super) async fn call(url: &str, parent: Option<&str>, tool: &str, arguments: &Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": meta },
    });
    let mut request = reqwest::Client::new()
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", STATELESS)
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool);
    if let Some(parent) = parent {
        request = request.header("traceparent", parent).header("tracestate", "vendor=1");
    }
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["result"].clone()
}

async fn create(url: &str, parent: Option<&str>, name: &str, code: &str) {
    let tool = json!({ "tool": { "name": name, "description": "d", "code": code } });
    let made = call(url, parent, "dynamic.tool.create", &tool).await;
    assert_eq!(made["isError"], false, "{made}");
}

pub(super) fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {names:?}"))
}

#[tokio::test]
async fn a_call_over_http_is_one_trace_from_the_caller_to_the_sandbox() {
    let collector = Collector::start().await;
    let site = Site::new();
    let server = server(&site, &collector.endpoint).await;
    create(&server.url, None, "text.ask", "await ctx.tools.list(); return 1").await;
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let failed = call(&server.url, Some(&parent), "text.ask", &json!({})).await;
    assert_eq!(failed["isError"], true, "no tool may call others yet: {failed}");
    server.stop().await;

    assert_eq!(collector.resource("service.name").as_deref(), Some("dynamic-mcp"));
    assert!(collector.resource("service.instance.id").is_some());
    let all = collector.spans();
    let ours: Vec<_> = all.iter().filter(|span| hex(&span.trace_id) == TRACE).cloned().collect();
    let http = named(&ours, "POST /mcp");
    assert_eq!(hex(&http.parent_span_id), CALLER);
    assert_eq!(http.trace_state, "vendor=1");
    assert_eq!(text(&http.attributes, "http.response.status_code").as_deref(), Some("200"));
    let mcp = named(&ours, "tools/call text.ask");
    assert_eq!(mcp.parent_span_id, http.span_id);
    assert_eq!(text(&mcp.attributes, "mcp.method.name").as_deref(), Some("tools/call"));
    assert_eq!(text(&mcp.attributes, "gen_ai.tool.name").as_deref(), Some("text.ask"));
    assert_eq!(mcp.status.as_ref().map(|status| status.code), Some(2), "an error");
    let guard = named(&ours, "guard");
    assert_eq!(guard.parent_span_id, mcp.span_id);
    assert_eq!(text(&guard.attributes, "guard.scope").as_deref(), Some("dynamic.exec.text.ask"));
    let sandbox = named(&ours, "sandbox embedded");
    assert_eq!(sandbox.parent_span_id, mcp.span_id);
    assert_eq!(text(&sandbox.attributes, "error.type").as_deref(), Some("permission_denied"));
    assert_eq!(named(&ours, "host").parent_span_id, sandbox.span_id);

    let create = named(&all, "tools/call dynamic.tool.create");
    assert_ne!(hex(&create.trace_id), TRACE, "nobody's trace is a trace of its own");
    assert_eq!(named(&all, "store insert").trace_id, create.trace_id);
    // What the code and its callers said is in no span.
    assert!(!format!("{all:?}").contains("ctx.tools"));
}

#[tokio::test]
async fn a_session_s_calls_belong_to_their_own_requests() {
    let collector = Collector::start().await;
    let site = Site::new();
    let server = server(&site, &collector.endpoint).await;
    let client = reqwest::Client::new();
    let accept = "application/json, text/event-stream";
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    let opened =
        client.post(&server.url).header("accept", accept).json(&hello).send().await.unwrap();
    let session = opened.headers()["mcp-session-id"].clone();
    opened.bytes().await.unwrap();
    let own = "4bf92f3577b34da6a3ce929d0e0e4736";
    let meta = json!({ "traceparent": format!("00-{own}-{CALLER}-01") });
    for (name, meta) in [("system.health", json!({})), ("system.guard_metrics", meta)] {
        let body = json!({
            "jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": { "name": name, "arguments": {}, "_meta": meta },
        });
        let request = client
            .post(&server.url)
            .header("accept", accept)
            .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
            .header("mcp-session-id", session.clone());
        let called = request.json(&body).send().await.unwrap();
        assert!(called.text().await.unwrap().contains("structuredContent"));
    }
    server.stop().await;
    let spans = collector.spans();
    let told = named(&spans, "tools/call system.guard_metrics");
    assert_eq!((hex(&told.trace_id).as_str(), hex(&told.parent_span_id).as_str()), (own, CALLER));
    let mcp = named(&spans, "tools/call system.health");
    assert_eq!(hex(&mcp.trace_id), TRACE);
    let http = spans.iter().find(|span| span.span_id == mcp.parent_span_id).unwrap();
    assert_eq!(http.name, "POST /mcp");
    assert!(spans.iter().any(|span| span.name == "POST /mcp" && hex(&span.trace_id) != TRACE));
}

#[tokio::test]
async fn over_stdio_the_context_is_in_meta() {
    let collector = Collector::start().await;
    let site = Site::new();
    let command = site.stdio();
    let mut process = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .arg(format!("--otel-exporter-otlp-endpoint={}", collector.endpoint))
        .env_clear()
        .env("OTEL_SERVICE_NAME", "my-tools")
        .env("MCP_EXECUTION_ENGINE", "embedded")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (output, input) = (process.stdout.take().unwrap(), process.stdin.take().unwrap());
    let mut client = Client::new(output, input);
    client.stateless();
    client.meta("traceparent", format!("00-{TRACE}-{CALLER}-01").into());
    let ran = client.call("run_js_ephemeral", json!({ "code": "return 1" })).await;
    assert_eq!(ran["structuredContent"]["result"], 1);
    for wrong in
        ["", "nonsense", "00-0-0-00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
    {
        client.meta("traceparent", wrong.into());
        client.call("system.health", json!({})).await;
    }
    client.meta("traceparent", format!("00-{TRACE}-{CALLER}-00").into());
    client.request("tools/list", json!({})).await;
    client.hang_up();
    assert!(process.wait().await.unwrap().success());

    assert_eq!(collector.resource("service.name").as_deref(), Some("my-tools"));
    let spans = collector.spans();
    let mcp = named(&spans, "tools/call run_js_ephemeral");
    assert_eq!((hex(&mcp.trace_id).as_str(), hex(&mcp.parent_span_id).as_str()), (TRACE, CALLER));
    assert_eq!(named(&spans, "sandbox embedded").trace_id, mcp.trace_id);
    let healths = spans.iter().filter(|span| span.name == "tools/call system.health");
    let healths: Vec<_> = healths.collect();
    assert_eq!(healths.len(), 4);
    assert!(healths.iter().all(|span| span.parent_span_id.is_empty()), "no valid context is none");
    assert!(
        spans.iter().all(|span| span.name != "tools/list"),
        "the caller did not want it recorded"
    );
}

/// Neither a collector that is not there nor one that never answers is noticed by anybody who calls.
#[tokio::test]
async fn a_collector_that_is_away_hurts_no_call() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    let closed_address = closed.local_addr().unwrap();
    drop(closed);
    for address in [closed_address, silent_address] {
        let site = Site::new();
        let server = server(&site, &format!("http://{address}")).await;
        create(&server.url, None, "text.echo", "return args").await;
        for number in 0..100 {
            let called = call(&server.url, None, "text.echo", &json!({ "n": number })).await;
            assert_eq!(called["structuredContent"]["result"]["n"], number, "{called}");
        }
        // Ends well, and soon.
        server.stop().await;
    }
}
