//! What every answer carries: the request's id and the security headers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ports::Ids;

/// The header that carries a request's id both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// On every answer, in this order.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// A request's id: the client's own where it is a sane one, else a fresh one.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// Longest id that is taken from a client, in bytes.
    const MAX_LEN: usize = 128;

    /// Takes the client's id, or makes one.
    pub(super) fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        match headers.get(REQUEST_ID) {
            Some(value) if Self::is_sane(value.as_bytes()) => Self(value.clone()),
            _ => Self::fresh(ids),
        }
    }

    /// Makes one.
    pub(super) fn fresh(ids: &dyn Ids) -> Self {
        // A UUID is always a valid header value; the fallback only spares a panic.
        Self(HeaderValue::try_from(ids.uuid()).unwrap_or(HeaderValue::from_static("unknown")))
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Printable and without characters that mean something to a log, a shell or a page.
    fn is_sane(id: &[u8]) -> bool {
        (1..=Self::MAX_LEN).contains(&id.len())
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte))
    }

    /// Puts the id and the security headers among `headers`.
    pub(super) fn seal(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.0.clone());
        for (name, value) in SECURITY_HEADERS {
            headers.insert(name, value);
        }
    }
}

/// The outermost layer: gives the request its id and seals the answer.
pub(super) async fn seal(
    State(ids): State<Arc<dyn Ids>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers(), ids.as_ref());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    id.seal(response.headers_mut());
    response
}
