//! Requests that the SDK could not read.
//!
//! Known methods whose parameters have the wrong shape reach the handler as custom requests. They are
//! answered as what they are: invalid parameters, not an unknown method. What does not reach the handler, or
//! reaches it without its parameters, is for the transports to refuse, with the answers that they get here.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, CompleteRequestParams,
    CustomRequest, ErrorCode, GetPromptRequestParams, InitializeRequestParams, JsonRpcMessage,
    PaginatedRequestParams, ReadResourceRequestParams, RequestMetaObject,
    SubscriptionsListenRequestParams,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::decode::{self, decode};
use super::exchange::without_sessions;
use crate::domain::text::echo;

/// Methods that answer with a list.
const LISTS: [&str; 4] =
    ["prompts/list", "resources/list", "resources/templates/list", "tools/list"];

/// Methods that only revisions with sessions have.
const OF_SESSIONS: [&str; 3] = ["initialize", "logging/setLevel", "ping"];

/// Methods that only the enterprise profile has.
const OF_ENTERPRISE: [&str; 6] = [
    "completion/complete",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/templates/list",
];

/// The answer to an `initialize` whose parameters can't be read; `None` for every other message. Transports
/// ask before a session is open: the SDK takes such a message for a request of a revision without sessions,
/// and says what is wrong with it as one.
pub fn bad_handshake(message: &ClientJsonRpcMessage) -> Option<ErrorData> {
    let JsonRpcMessage::Request(request) = message else { return None };
    match &request.request {
        // A revision without sessions has no such method: the handler says so.
        ClientRequest::CustomRequest(custom) if custom.method == "initialize" => {
            (!names_stateless(custom)).then(|| answer(custom, false, false))
        }
        _ => None,
    }
}

/// The answer to a request for a list whose parameters can't be read; `None` for every other one. Transports
/// ask with the `message` as it came: the SDK takes such parameters for none.
pub fn bad_list(method: &str, message: &[u8]) -> Option<ErrorData> {
    #[derive(Deserialize)]
    struct Message {
        params: Option<Value>,
    }
    if !LISTS.contains(&method) {
        return None;
    }
    let Message { params } = serde_json::from_slice(message).ok()?;
    Some(invalid_params(method, &problem::<PaginatedRequestParams>(params?)?))
}

/// The answer to what is JSON, but no message of the protocol. A notification's parameters are nobody's to complain about.
pub fn not_a_message(message: &Value) -> ErrorData {
    if message.is_array() {
        let batch = "Invalid Request: batches are not served; send each message on its own";
        return ErrorData::invalid_request(batch, None);
    }
    if let (Some("2.0"), Some(method), Some(params), Some(_)) = (
        message.get("jsonrpc").and_then(Value::as_str),
        message.get("method").and_then(Value::as_str),
        message.get("params"),
        message.get("id"),
    ) {
        let wrong = |part: &Value| !part.is_object() && !part.is_null();
        if wrong(params) {
            return invalid_params(method, "params must be an object");
        }
        if params.get("_meta").is_some_and(wrong) {
            return invalid_params(method, "_meta must be an object");
        }
    }
    let message = "Invalid Request: not a JSON-RPC 2.0 request, notification or response of MCP";
    ErrorData::invalid_request(message, None)
}

/// The answer to a request that the SDK could not read; `stateless` as of [`super::exchange::is_stateless`].
/// `enterprise`: whether the profile's methods are there.
pub(super) fn answer(request: &CustomRequest, stateless: bool, enterprise: bool) -> ErrorData {
    if stateless && OF_SESSIONS.contains(&request.method.as_str()) {
        return unknown(&request.method);
    }
    if !enterprise && OF_ENTERPRISE.contains(&request.method.as_str()) {
        return unknown(&request.method);
    }
    let params = request.params.clone().unwrap_or_else(|| json!({}));
    let problem = match request.method.as_str() {
        "initialize" => problem::<InitializeRequestParams>(params),
        "tools/call" => problem::<CallToolRequestParams>(params),
        method if LISTS.contains(&method) => problem::<PaginatedRequestParams>(params),
        "resources/read" => problem::<ReadResourceRequestParams>(params),
        "prompts/get" => problem::<GetPromptRequestParams>(params),
        "completion/complete" => problem::<CompleteRequestParams>(params),
        "subscriptions/listen" => problem::<SubscriptionsListenRequestParams>(params),
        "logging/setLevel" => Some(
            "level must be one of debug, info, notice, warning, error, \
            critical, alert, emergency"
                .to_owned(),
        ),
        "ping" | "server/discover" => Some("params must be an object".to_owned()),
        method => return unknown(method),
    };
    let problem = problem.unwrap_or_else(|| "params or _meta have the wrong shape".to_owned());
    invalid_params(&request.method, &problem)
}

/// Whether the request itself says that it belongs to a revision without sessions.
fn names_stateless(request: &CustomRequest) -> bool {
    let meta = request.extensions.get::<RequestMetaObject>();
    meta.and_then(RequestMetaObject::protocol_version)
        .is_some_and(|version| without_sessions(&version))
}

fn unknown(method: &str) -> ErrorData {
    let message = format!("Method not found: {}", echo(method));
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None)
}

fn invalid_params(method: &str, problem: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Invalid params for {}: {problem}", echo(method)), None)
}

/// What is wrong with the parameters; `None`: nothing.
fn problem<T: DeserializeOwned>(params: Value) -> Option<String> {
    let error = decode::<T>(params).err()?;
    Some(error.public_message().trim_start_matches(decode::INVALID_ARGUMENTS).to_owned())
}
