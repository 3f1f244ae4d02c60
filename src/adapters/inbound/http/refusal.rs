//! A request that is refused: the status, and a JSON-RPC 2.0 error as the body.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};
use rmcp::ErrorData;
use serde_json::json;
use serde_json::value::RawValue;

use super::envelope::RequestId;

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: i32,
    message: Cow<'static, str>,
    id: Option<Box<RawValue>>,
    allow: Option<&'static str>,
    retry_after: bool,
    close: bool,
    challenge: Option<HeaderValue>,
}

/// Codes of JSON-RPC 2.0, and of its range for servers.
mod code {
    pub(super) const PARSE_ERROR: i32 = -32_700;
    pub(super) const INTERNAL: i32 = -32_603;
    pub(super) const REFUSED: i32 = -32_000;
    pub(super) const UNKNOWN_SESSION: i32 = -32_001;
    pub(super) const UNAUTHENTICATED: i32 = -32_001;
    pub(super) const SCOPE_MISSING: i32 = -32_002;
    pub(super) const TOO_LARGE: i32 = -32_013;
}

impl Refusal {
    fn new(status: StatusCode, code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            id: None,
            allow: None,
            retry_after: false,
            close: false,
            challenge: None,
        }
    }

    /// Any refusal that has no code of its own.
    pub(super) fn other(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, code::REFUSED, message)
    }

    /// The body is not JSON.
    pub(super) fn not_json(why: &str) -> Self {
        let message = format!("Parse error: {why}");
        Self::new(StatusCode::BAD_REQUEST, code::PARSE_ERROR, message)
    }

    /// The body is JSON, but nothing that the protocol has.
    pub(super) fn misuse(error: ErrorData) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.code.0, error.message)
    }

    /// A request of a revision with sessions that names none.
    pub(super) fn session_missing() -> Self {
        let message = "Bad Request: Session ID is required: send initialize first and name its session in the \
                       header Mcp-Session-Id, or speak MCP-Protocol-Version 2026-07-28, which has none";
        Self::other(StatusCode::BAD_REQUEST, message)
    }

    /// No such session, or not this caller's: the two look the same.
    pub(super) fn unknown_session() -> Self {
        let message = "Session not found: it has ended or never was; send initialize again";
        Self::new(StatusCode::NOT_FOUND, code::UNKNOWN_SESSION, message)
    }

    /// No good credential. `challenge`: what to do about it.
    pub(super) fn unauthenticated(message: String, challenge: HeaderValue) -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED, message);
        Self { challenge: Some(challenge), ..refusal }
    }

    /// A good credential that is not enough. `challenge`: what would be.
    pub(super) fn scope_missing(message: String, challenge: HeaderValue) -> Self {
        let refusal = Self::new(StatusCode::FORBIDDEN, code::SCOPE_MISSING, message);
        Self { challenge: Some(challenge), ..refusal }
    }

    /// The body is larger than it may be.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request body too large: at most {limit} bytes are taken");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code::TOO_LARGE, message).closing()
    }

    /// The method is not one of `allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("Method not allowed: use {allow}");
        let refusal = Self::other(StatusCode::METHOD_NOT_ALLOWED, message);
        Self { allow: Some(allow), ..refusal }
    }

    /// A limit is reached; the same request may succeed a little later.
    pub(super) fn busy(status: StatusCode, message: &'static str) -> Self {
        Self { retry_after: true, ..Self::other(status, message) }
    }

    /// The server is ending.
    pub(super) fn shutting_down() -> Self {
        Self::busy(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down").closing()
    }

    /// A defect; the log has more.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL, "Internal error")
    }

    /// The id of the JSON-RPC request that is refused.
    pub(super) fn answering(self, id: Option<Box<RawValue>>) -> Self {
        Self { id, ..self }
    }

    /// Ends the connection with the answer: what the client still sends can't be understood.
    pub(super) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    fn body(&self, request_id: &RequestId) -> String {
        json!({
            "jsonrpc": "2.0",
            "id": self.id,
            "error": {
                "code": self.code,
                "message": self.message,
                "data": { "requestId": request_id.as_str() },
            },
        })
        .to_string()
    }

    /// The answer, without what the envelope adds.
    pub(super) fn respond(self, request_id: &RequestId) -> Response {
        let mut response = Response::new(Body::from(self.body(request_id)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The whole answer as bytes, for where there is nothing that would write it; ends the connection.
    pub(super) fn raw(self, request_id: &RequestId) -> Bytes {
        let status = self.status;
        let body = self.body(request_id);
        let mut response = self.closing().respond(request_id);
        let headers = response.headers_mut();
        request_id.seal(headers);
        headers.insert(CONTENT_LENGTH, body.len().into());
        let mut raw = BytesMut::from(format!("HTTP/1.1 {status}\r\n").as_bytes());
        for (name, value) in response.headers() {
            raw.extend_from_slice(name.as_str().as_bytes());
            raw.extend_from_slice(b": ");
            raw.extend_from_slice(value.as_bytes());
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(body.as_bytes());
        raw.freeze()
    }
}
