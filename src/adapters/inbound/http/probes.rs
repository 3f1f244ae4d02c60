//! What an orchestrator asks: is it alive, is it ready, how does it do.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::envelope::RequestId;
use super::refusal::Refusal;
use super::state::Shared;

/// One thing that has to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is, such as `store`.
    pub name: &'static str,
    /// What is wrong with it, in words without a path; `None`: nothing.
    pub problem: Option<String>,
    /// Whether a problem with it keeps the server from its work. One that doesn't is shown, and the server
    /// stays ready.
    pub stops: bool,
}

impl Check {
    /// A check of something that the server can't do without.
    pub const fn new(name: &'static str, problem: Option<String>) -> Self {
        Self { name, problem, stops: true }
    }
}

/// Asks whether everything is in order. Should be cheap; is not waited for longer than a few seconds.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// How long readiness is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process runs.
pub(super) async fn livez() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// The process can do its work, or what keeps it from that.
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    if shared.lifecycle.draining.is_cancelled() {
        let body = json!({ "status": "shutting_down", "checks": {} });
        return answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    }
    let checks = tokio::time::timeout(PATIENCE, (shared.readiness)()).await.unwrap_or_else(|_| {
        let problem = format!("no answer within {} s", PATIENCE.as_secs());
        vec![Check::new("readiness", Some(problem))]
    });
    let ready = checks.iter().all(|check| check.problem.is_none() || !check.stops);
    let whole = checks.iter().all(|check| check.problem.is_none());
    let checks: Map<String, Value> = checks
        .into_iter()
        .map(|check| (check.name.to_owned(), check.problem.unwrap_or_else(|| "ok".into()).into()))
        .collect();
    if ready {
        let status = if whole { "ready" } else { "degraded" };
        answer(StatusCode::OK, &json!({ "status": status, "checks": checks }))
    } else {
        let body = json!({ "status": "not_ready", "checks": checks });
        answer(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}

/// Every measurement, in the Prometheus text format.
pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(request_id): Extension<RequestId>,
) -> Response {
    match shared.metrics.exposition() {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
            );
            response
        }
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written down");
            Refusal::internal().respond(&request_id)
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
