//! The span of an HTTP request, as a part of its caller's trace.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use rmcp::model::Extensions;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::envelope::RequestId;
use crate::ports::traces::{self, TraceContext};

/// Where a request to the MCP endpoint begins and its answer's head ends. Whoever handles the request finds the
/// span's context among the extensions.
pub(super) async fn request(mut request: Request, next: Next) -> Response {
    let span = span(&request);
    if let Some(context) = span.in_scope(traces::current) {
        request.extensions_mut().insert(context);
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

fn span(request: &Request) -> Span {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let _entered = traces::enter(sent(request.headers()).as_ref());
    tracing::debug_span!(
        "http",
        otel.name = format_args!("{method} {path}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        url.path = path,
        http.response.status_code = Empty,
        request.id = request.extensions().get::<RequestId>().map(RequestId::as_str),
    )
}

fn sent(headers: &HeaderMap) -> Option<TraceContext> {
    let header = |name| headers.get(name)?.to_str().ok();
    Some(TraceContext::new(header("traceparent")?, header("tracestate")))
}

/// The context of the HTTP request that a message came with.
pub fn trace(extensions: &Extensions) -> Option<TraceContext> {
    extensions.get::<Parts>()?.extensions.get::<TraceContext>().cloned()
}
