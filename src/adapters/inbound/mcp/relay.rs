//! Mounted tools: as their servers describe them, under their names here, and calls of them.
//!
//! A server of the newest revision may answer that it needs something of the client first. A client of that
//! revision gets this answer as it is, and comes back with what was asked for. A client with a session is asked
//! here, and the server is called again with its answers.

use std::collections::BTreeMap;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientResult,
    InputRequest, InputRequiredResult, ResultType, ServerRequest, Tool,
};
use rmcp::service::PeerRequestOptions;
use serde_json::{Map, Value, json};

use super::exchange::Exchange;
use super::feed::with_sink;
use super::names::Spelling;
use super::reply::{self, Declared};
use super::server::Shared;
use crate::app::upstreams::{MountedCall, Relayed};
use crate::app::{AppError, CallContext, MountedTool, UpstreamsError};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;
use crate::domain::upstream::Mounted;
use crate::ports::UpstreamReply;

/// How often a client is asked during one call.
const MAX_ROUNDS: usize = 10;
/// Longest wait for a client's answer: a person may have to give it.
const ANSWER: Duration = Duration::from_mins(10);

/// A tool as `tools/list` shows it, under this name.
pub(super) fn definition(mounted: &Mounted, shown: String) -> Option<Tool> {
    let mut definition = Map::clone(&mounted.tool.definition);
    definition.insert("name".to_owned(), shown.into());
    serde_json::from_value(Value::Object(definition)).ok()
}

/// A call by the tool's own name.
pub(super) async fn call(
    shared: &Shared,
    exchange: &Exchange,
    tool: &MountedTool,
    request: CallToolRequestParams,
) -> CallToolResponse {
    let mut call = MountedCall {
        arguments: request.arguments.unwrap_or_default(),
        capabilities: exchange.capabilities.as_ref().and_then(passed_on),
        answers: request.input_responses.map(|answers| answers.into_iter().collect()),
        state: request.request_state,
    };
    for _ in 0..MAX_ROUNDS {
        let relayed = match run(shared, exchange, tool, call.clone()).await {
            Ok(relayed) => relayed,
            Err(error) => return failed(&error, exchange, tool).into(),
        };
        let Ok(UpstreamReply::InputRequired(asked)) = relayed.reply else {
            return result(relayed, exchange.spelling, declared(tool)).into();
        };
        let Ok(asked) = serde_json::from_value::<InputRequiredResult>(asked.into()) else {
            let wrong =
                Failure::new(ErrorCode::InvalidOutput, "the server's question can't be read");
            return failed(&wrong.into(), exchange, tool).into();
        };
        if exchange.stateless {
            return asked.into();
        }
        call.state.clone_from(&asked.request_state);
        match ask(exchange, asked.input_requests.unwrap_or_default()).await {
            Ok(answers) => call.answers = Some(answers),
            Err(failure) => return failed(&failure.into(), exchange, tool).into(),
        }
    }
    let message = format!("the server asked for more than {MAX_ROUNDS} times");
    let failure = Failure::new(ErrorCode::InvalidOutput, message);
    failed(&failure.into(), exchange, tool).into()
}

/// A call by `dynamic.tool.call`, which can't pass on what the server asks for.
pub(super) async fn call_once(
    shared: &Shared,
    exchange: &Exchange,
    tool: &MountedTool,
    arguments: Map<String, Value>,
) -> Result<Relayed, AppError> {
    let call = MountedCall { arguments, ..MountedCall::default() };
    let relayed = run(shared, exchange, tool, call).await?;
    match &relayed.reply {
        Ok(UpstreamReply::InputRequired(_)) => Err(UpstreamsError::Asks(relayed.tool).into()),
        _ => Ok(relayed),
    }
}

async fn run(
    shared: &Shared,
    exchange: &Exchange,
    tool: &MountedTool,
    call: MountedCall,
) -> Result<Relayed, AppError> {
    let mounted = tool.mounted();
    let Some(upstreams) = &shared.app.upstreams else {
        return Err(UpstreamsError::NotAttached(mounted.alias.to_string()).into());
    };
    with_sink(exchange, mounted.name.as_str(), async |sink| {
        let caller = exchange.caller.clone();
        let context = CallContext { caller, sink, cancel: exchange.cancel.clone() };
        upstreams.call(context, tool, call).await
    })
    .await
}

/// The server's result as it came, with a receipt.
pub(super) fn result(relayed: Relayed, spelling: Spelling, declared: Declared) -> CallToolResult {
    let took = Duration::from_millis(relayed.duration_ms);
    let read = match relayed.reply {
        Ok(UpstreamReply::Result(fields)) => {
            serde_json::from_value::<CallToolResult>(Value::Object(fields)).map_err(|_| {
                let message = "the server's answer is not a tool's result";
                AppError::from(Failure::new(ErrorCode::InvalidOutput, message))
            })
        }
        Ok(UpstreamReply::InputRequired(_)) => {
            Err(UpstreamsError::Asks(relayed.tool.clone()).into())
        }
        Err(error) => Err(error),
    };
    let mut result = match read {
        Ok(mut result) => {
            // Absent from servers of revisions that did not have it.
            result.result_type = Some(ResultType::COMPLETE);
            result.is_error = Some(result.is_error.unwrap_or(false));
            result
        }
        Err(error) => reply::failed(&error, took, spelling, declared),
    };
    let receipt = json!({
        "tool": relayed.tool.as_str(),
        "upstream": relayed.alias.as_str(),
        "durationMs": relayed.duration_ms,
    });
    reply::set_receipt(&mut result, receipt);
    result
}

fn failed(error: &AppError, exchange: &Exchange, tool: &MountedTool) -> CallToolResult {
    reply::failed(error, exchange.started.elapsed(), exchange.spelling, declared(tool))
}

fn declared(tool: &MountedTool) -> Declared {
    let own = tool.mounted().tool.definition.contains_key("outputSchema");
    if own { Declared::Own } else { Declared::Ours }
}

/// What the client can do, as far as it can be passed on: not tasks, which are not relayed.
fn passed_on(capabilities: &ClientCapabilities) -> Option<Map<String, Value>> {
    let mut capabilities = capabilities.clone();
    capabilities.extensions = None;
    match serde_json::to_value(capabilities) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// Asks a client with a session, one question after the other.
async fn ask(
    exchange: &Exchange,
    questions: BTreeMap<String, InputRequest>,
) -> Result<Map<String, Value>, Failure> {
    let mut answers = Map::new();
    for (key, question) in questions {
        answers.insert(key, ask_one(exchange, question).await?);
    }
    Ok(answers)
}

async fn ask_one(exchange: &Exchange, question: InputRequest) -> Result<Value, Failure> {
    let can = exchange.capabilities.clone().unwrap_or_default();
    let (request, able) = match question {
        InputRequest::Elicitation(request) => {
            (ServerRequest::ElicitRequest(request), can.elicitation.is_some())
        }
        InputRequest::CreateMessage(request) => {
            (ServerRequest::CreateMessageRequest(request), can.sampling.is_some())
        }
        InputRequest::ListRoots(request) => {
            (ServerRequest::ListRootsRequest(request), can.roots.is_some())
        }
        _ => return Err(unanswered("it asks for what is not known here")),
    };
    if !able {
        return Err(unanswered("it asks for what this client can't do"));
    }
    let options = PeerRequestOptions::with_timeout(ANSWER);
    let asking = async {
        exchange.peer.send_request_with_option(request, options).await?.await_response().await
    };
    let answer = exchange.cancel.run_until_cancelled(asking).await;
    let answer: Option<Result<ClientResult, _>> = answer;
    match answer {
        Some(Ok(answer)) => serde_json::to_value(answer)
            .map_err(|_| unanswered("the client's answer can't be passed on")),
        Some(Err(_)) => Err(unanswered("the client did not answer what it asks for")),
        None => Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled")),
    }
}

fn unanswered(why: &str) -> Failure {
    Failure::new(ErrorCode::ToolError, format!("the tool's server got no answer: {why}"))
}
