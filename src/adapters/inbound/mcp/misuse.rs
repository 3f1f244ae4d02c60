//! Requests that the SDK could not read.
//!
//! Known methods whose parameters have the wrong shape reach the handler as custom requests. They are
//! answered as what they are: invalid parameters, not an unknown method.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, CompleteRequestParams,
    CustomRequest, ErrorCode, GetPromptRequestParams, InitializeRequestParams, JsonRpcMessage,
    PaginatedRequestParams, ReadResourceRequestParams, RequestMetaObject,
    SubscriptionsListenRequestParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::decode::{self, decode};
use super::exchange::without_sessions;

/// Longest piece of a method's name in an answer.
const MAX_ECHO: usize = 80;

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
        "tools/list" | "resources/list" | "resources/templates/list" | "prompts/list" => {
            problem::<PaginatedRequestParams>(params)
        }
        "resources/read" => problem::<ReadResourceRequestParams>(params),
        "prompts/get" => problem::<GetPromptRequestParams>(params),
        "completion/complete" => problem::<CompleteRequestParams>(params),
        "subscriptions/listen" => problem::<SubscriptionsListenRequestParams>(params),
        "logging/setLevel" => "level must be one of debug, info, notice, warning, error, \
            critical, alert, emergency"
            .to_owned(),
        "ping" | "server/discover" => "params must be an object".to_owned(),
        method => return unknown(method),
    };
    ErrorData::invalid_params(format!("Invalid params for {}: {problem}", request.method), None)
}

/// Whether the request itself says that it belongs to a revision without sessions.
fn names_stateless(request: &CustomRequest) -> bool {
    let meta = request.extensions.get::<RequestMetaObject>();
    meta.and_then(RequestMetaObject::protocol_version)
        .is_some_and(|version| without_sessions(&version))
}

fn unknown(method: &str) -> ErrorData {
    let method: String = method.chars().take(MAX_ECHO).collect();
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None)
}

fn problem<T: DeserializeOwned>(params: Value) -> String {
    match decode::<T>(params) {
        Err(error) => {
            error.public_message().trim_start_matches(decode::INVALID_ARGUMENTS).to_owned()
        }
        Ok(_) => "params or _meta have the wrong shape".to_owned(),
    }
}
