//! Requests that the SDK could not read.
//!
//! Known methods whose parameters have the wrong shape reach the handler as custom requests. They are
//! answered as what they are: invalid parameters, not an unknown method.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CustomRequest, ErrorCode, InitializeRequestParams,
    PaginatedRequestParams, SubscriptionsListenRequestParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::decode::decode;

/// Longest piece of a method's name in an answer.
const MAX_ECHO: usize = 80;

/// The answer to a request that the SDK could not read.
pub(super) fn answer(request: &CustomRequest) -> ErrorData {
    let params = request.params.clone().unwrap_or_else(|| json!({}));
    let problem = match request.method.as_str() {
        "initialize" => problem::<InitializeRequestParams>(params),
        "tools/call" => problem::<CallToolRequestParams>(params),
        "tools/list" => problem::<PaginatedRequestParams>(params),
        "subscriptions/listen" => problem::<SubscriptionsListenRequestParams>(params),
        "logging/setLevel" => "level must be one of debug, info, notice, warning, error, \
            critical, alert, emergency"
            .to_owned(),
        "ping" | "server/discover" => "params must be an object".to_owned(),
        unknown => {
            let method: String = unknown.chars().take(MAX_ECHO).collect();
            return ErrorData::new(
                ErrorCode::METHOD_NOT_FOUND,
                format!("Method not found: {method}"),
                None,
            );
        }
    };
    ErrorData::invalid_params(format!("Invalid params for {}: {problem}", request.method), None)
}

fn problem<T: DeserializeOwned>(params: Value) -> String {
    match decode::<T>(params) {
        Err(error) => error.public_message(),
        Ok(_) => "params or _meta have the wrong shape".to_owned(),
    }
}
