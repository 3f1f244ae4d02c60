//! Which path leads where.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router, middleware};
use http::StatusCode;
use rmcp::ServerHandler;

use super::endpoint::Endpoint;
use super::envelope::{self, RequestId};
use super::options::BindError;
use super::probes;
use super::protected_resource::{self, WELL_KNOWN};
use super::refusal::Refusal;
use super::state::Shared;
use super::trace;

/// Paths with a meaning of their own.
const TAKEN: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// The routes, with MCP at the path of the options, with or without a slash at its end.
pub(super) fn router<H: ServerHandler>(
    endpoint: Endpoint<H>,
    shared: &Arc<Shared>,
) -> Result<Router, BindError> {
    let path = checked(&shared.options.path)?;
    let endpoint = Arc::new(endpoint);
    let mcp = any(move |request: Request| Arc::clone(&endpoint).handle(request))
        .layer(middleware::from_fn(trace::request));
    let mut router = Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .route(path, mcp.clone());
    if shared.authenticator.is_some() {
        let metadata = get(protected_resource::metadata);
        router = router
            .route(WELL_KNOWN, metadata.clone())
            .route(&format!("{WELL_KNOWN}/{{*resource}}"), metadata);
    }
    if path != "/" {
        router = router.route(&format!("{path}/"), mcp);
    }
    let seal = middleware::from_fn_with_state(Arc::clone(&shared.ids), envelope::seal);
    Ok(router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Arc::clone(shared))
        .layer(seal))
}

fn checked(path: &str) -> Result<&str, BindError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    if path.starts_with('/')
        && path.bytes().all(plain)
        && !path.contains("//")
        && !TAKEN.contains(&trimmed)
        && !trimmed.starts_with(WELL_KNOWN)
    {
        return Ok(trimmed);
    }
    Err(BindError::Setting {
        setting: "MCP_PATH",
        value: path.to_owned(),
        allowed: "a slash, then letters, digits and -._~/; not /livez, /readyz, /metrics or \
                  below /.well-known/oauth-protected-resource",
    })
}

async fn not_found(Extension(request_id): Extension<RequestId>) -> Response {
    Refusal::other(StatusCode::NOT_FOUND, "Not found").respond(&request_id)
}

async fn method_not_allowed(Extension(request_id): Extension<RequestId>) -> Response {
    Refusal::method_not_allowed("GET, HEAD").respond(&request_id)
}
