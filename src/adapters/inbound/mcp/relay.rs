//! Mounted tools: as their servers describe them, under their names here, and calls of them.
//!
//! A server of the newest revision may answer that it needs something of the client first. A client of that
//! revision gets this answer as it is, and comes back with what was asked for. A client with a session is asked
//! here, and the server is called again with its answers. What a server with sessions asks while a call runs goes
//! to clients in the same two ways.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
    InputRequiredResult, ResultType, Tool,
};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::asking;
use super::exchange::Exchange;
use super::feed::with_sink;
use super::names::Spelling;
use super::reply::{self, Declared};
use super::server::Shared;
use crate::app::upstreams::{MountedCall, Relayed, Step};
use crate::app::{AppError, CallContext, MountedTool, UpstreamsError};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;
use crate::domain::tool::ToolName;
use crate::domain::upstream::Mounted;
use crate::ports::UpstreamReply;

/// How often a client is asked during one call.
const MAX_ROUNDS: usize = 10;

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
    tool: &Arc<MountedTool>,
    request: CallToolRequestParams,
) -> CallToolResponse {
    let call = MountedCall {
        arguments: request.arguments.unwrap_or_default(),
        capabilities: exchange.capabilities.as_ref().and_then(passed_on),
        answers: request.input_responses.map(|answers| answers.into_iter().collect()),
        state: request.request_state,
        ..MountedCall::default()
    };
    match answered(shared, exchange, tool, call).await {
        Ok(Answered::Asks(_, asked)) => asked.into(),
        Ok(Answered::Done(relayed)) => result(relayed, exchange.spelling, declared(tool)).into(),
        Err(error) => {
            let took = exchange.started.elapsed();
            reply::failed(&error, took, exchange.spelling, declared(tool)).into()
        }
    }
}

/// A call by `dynamic.tool.call`. A client without a session can't be asked through it, since that tool's own
/// result is never a question.
pub(super) async fn call_once(
    shared: &Shared,
    exchange: &Exchange,
    tool: &Arc<MountedTool>,
    arguments: Map<String, Value>,
) -> Result<Relayed, AppError> {
    let capabilities = exchange.capabilities.as_ref().filter(|_| !exchange.stateless);
    let capabilities = capabilities.and_then(passed_on);
    let call = MountedCall { arguments, capabilities, ..MountedCall::default() };
    match answered(shared, exchange, tool, call).await? {
        Answered::Done(relayed) => Ok(relayed),
        Answered::Asks(tool, _) => Err(UpstreamsError::Asks(tool).into()),
    }
}

/// What became of a call.
enum Answered {
    Done(Relayed),
    /// The client is to be asked first, and it has no session in which that could be done.
    Asks(ToolName, InputRequiredResult),
}

/// Calls, and calls again with the answers of the client where the server asks and the client has a session.
async fn answered(
    shared: &Shared,
    exchange: &Exchange,
    tool: &Arc<MountedTool>,
    mut call: MountedCall,
) -> Result<Answered, AppError> {
    for _ in 0..MAX_ROUNDS {
        let relayed = match run(shared, exchange, tool, call.clone()).await? {
            Step::Done(relayed) => relayed,
            Step::Asks { tool, questions, state } => {
                let asked = json!({
                    "resultType": "input_required", "inputRequests": questions, "requestState": state,
                });
                return Ok(Answered::Asks(tool, read(asked)?));
            }
        };
        let Ok(UpstreamReply::InputRequired(asked)) = relayed.reply else {
            return Ok(Answered::Done(relayed));
        };
        let asked = read(asked.into())?;
        if exchange.stateless {
            return Ok(Answered::Asks(relayed.tool, asked));
        }
        call.state.clone_from(&asked.request_state);
        let asking = asking::ask_all(shared, exchange, asked.input_requests.unwrap_or_default());
        call.answers = match exchange.cancel.run_until_cancelled(asking).await {
            Some(Ok(answers)) => Some(answers),
            Some(Err(why)) => {
                let message = format!("the tool's server got no answer: {why}");
                return Err(Failure::new(ErrorCode::ToolError, message).into());
            }
            None => return Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled").into()),
        };
    }
    Err(invalid(format!("the server asked for more than {MAX_ROUNDS} times")))
}

fn read(asked: Value) -> Result<InputRequiredResult, AppError> {
    serde_json::from_value(asked)
        .map_err(|_| invalid("the server's question can't be read".to_owned()))
}

fn invalid(message: String) -> AppError {
    Failure::new(ErrorCode::InvalidOutput, message).into()
}

async fn run(
    shared: &Shared,
    exchange: &Exchange,
    tool: &Arc<MountedTool>,
    mut call: MountedCall,
) -> Result<Step, AppError> {
    let mounted = tool.mounted();
    let Some(upstreams) = &shared.app.upstreams else {
        return Err(UpstreamsError::NotAttached(mounted.alias.to_string()).into());
    };
    call.client = exchange.session;
    let able = call.capabilities.as_ref().is_some_and(|can| !can.is_empty());
    with_sink(exchange, mounted.name.as_str(), async |sink| {
        let caller = exchange.caller.clone();
        let context = CallContext { caller, sink, cancel: exchange.cancel.clone() };
        if exchange.stateless && able {
            return upstreams.call_in_steps(context, tool, call).await;
        }
        let (questions, asked) = mpsc::channel(1);
        call.questions = (!exchange.stateless).then_some(questions);
        let calling = upstreams.call(context, tool, call);
        asking::with_answers(shared, exchange, calling, asked).await.map(Step::Done)
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

fn declared(tool: &MountedTool) -> Declared {
    let own = tool.mounted().tool.definition.contains_key("outputSchema");
    if own { Declared::Own } else { Declared::Ours }
}

/// What the client can do, as far as it can be passed on: not tasks, which are not relayed.
pub(super) fn passed_on(capabilities: &ClientCapabilities) -> Option<Map<String, Value>> {
    let mut capabilities = capabilities.clone();
    capabilities.extensions = None;
    match serde_json::to_value(capabilities) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}
