//! The span of an MCP request, named after OpenTelemetry's conventions for MCP.

use rmcp::model::CallToolResponse;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;
use tracing::Span;
use tracing::field::Empty;

use crate::ports::traces::{self, TraceContext};

/// Longest piece of a client's own text in a span.
const MAX_TARGET: usize = 64;

/// A span for a request of this method. Its parent is what the client says in `_meta` (SEP-414), else `outer`, the
/// request that the transport received.
pub(super) fn span(
    context: &RequestContext<RoleServer>,
    outer: Option<TraceContext>,
    method: &'static str,
    target: &str,
) -> Span {
    let target: String = target.chars().take(MAX_TARGET).collect();
    let tool = (method == "tools/call").then_some(&*target);
    let meta = &context.meta;
    let sent =
        meta.get_traceparent().map(|parent| TraceContext::new(parent, meta.get_tracestate()));
    let _entered = traces::enter(sent.or(outer).as_ref());
    tracing::debug_span!(
        "mcp",
        otel.name = format_args!("{method} {target}").to_string().trim_end(),
        otel.kind = "server",
        otel.status_code = Empty,
        mcp.method.name = method,
        mcp.protocol.version = context.protocol_version().map(|version| version.to_string()),
        gen_ai.tool.name = tool,
        error.type = Empty,
    )
}

/// Writes down how a call ended.
pub(super) fn end(span: &Span, response: &Result<CallToolResponse, ErrorData>) {
    let kind = match response {
        Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => {
            let own = result.structured_content.as_ref().and_then(|content| content.get("code"));
            own.and_then(Value::as_str).unwrap_or("tool_error").to_owned()
        }
        Ok(_) => return,
        Err(error) => error.code.0.to_string(),
    };
    span.record("otel.status_code", "ERROR");
    span.record("error.type", kind);
}
