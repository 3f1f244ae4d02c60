//! Turns the SDK's refusals, most of them plain text, into JSON-RPC errors with the request's id.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::envelope::RequestId;
use super::message::Message;
use super::refusal::Refusal;

/// The SDK's answer.
pub(super) type SdkResponse = Response<BoxBody<Bytes, Infallible>>;

/// What the SDK's answer was about.
pub(super) struct Asked<'a> {
    /// The HTTP request's id.
    pub request_id: &'a RequestId,
    /// The JSON-RPC request's id.
    pub id: Option<Box<RawValue>>,
    /// The request's body.
    pub body: &'a [u8],
    /// Whether the server is ending.
    pub draining: bool,
    /// Whether the session asked for ended in the meantime.
    pub session_ended: bool,
}

/// The methods that the endpoint knows.
pub(super) const METHODS: &str = "GET, POST, DELETE";

/// What the SDK says of a request that names no session where it needs one.
const NO_SESSION: &str = "Bad Request: Session ID is required";

/// Passes an answer on, or puts a refusal in shape.
pub(super) async fn shape(response: SdkResponse, asked: Asked<'_>) -> Response {
    if response.status().is_success() {
        return response.map(Body::new);
    }
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"application/json"));
    let (mut head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    if is_json {
        head.headers.remove(http::header::CONTENT_LENGTH);
        return Response::from_parts(head, Body::from(with_request_id(body, asked.request_id)));
    }
    let post_only = head.headers.get(ALLOW) == Some(&HeaderValue::from_static("POST"));
    let text = || String::from_utf8_lossy(&body).into_owned();
    let refusal = match head.status {
        StatusCode::NOT_FOUND => Refusal::unknown_session(),
        StatusCode::METHOD_NOT_ALLOWED if post_only => Refusal::method_not_allowed("POST"),
        StatusCode::METHOD_NOT_ALLOWED => Refusal::method_not_allowed(METHODS),
        // Its media type was right, so it is the body itself that the SDK could not read.
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Message::refusal_for(asked.body),
        StatusCode::BAD_REQUEST if body == NO_SESSION => Refusal::session_missing(),
        status if status.is_client_error() => Refusal::other(status, text()),
        _ if asked.draining => Refusal::shutting_down(),
        _ if asked.session_ended => Refusal::unknown_session(),
        status => {
            tracing::error!(%status, answer = text(), "the SDK failed");
            Refusal::internal()
        }
    };
    refusal.answering(asked.id).respond(asked.request_id)
}

/// Adds the request's id to a JSON-RPC error's data.
fn with_request_id(body: Bytes, request_id: &RequestId) -> Bytes {
    let Ok(mut message) = serde_json::from_slice::<Value>(&body) else { return body };
    let Some(Value::Object(error)) = message.get_mut("error") else { return body };
    let data = error.entry("data").or_insert_with(|| json!({}));
    match data {
        Value::Null => *data = json!({ "requestId": request_id.as_str() }),
        Value::Object(data) => {
            data.insert("requestId".to_owned(), request_id.as_str().into());
        }
        _ => {}
    }
    Bytes::from(message.to_string())
}
