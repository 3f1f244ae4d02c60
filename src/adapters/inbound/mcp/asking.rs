//! Asking a client with a session what a mounted tool's server wants to know.
//!
//! A server of the newest revision answers a call with its questions; one with sessions asks while the call runs.
//! Either way the client is asked by requests of this server's own, in the task of the call that they belong to.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rmcp::RoleServer;
use rmcp::model::{ClientResult, InputRequest, ServerRequest};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::exchange::Exchange;
use super::relay::passed_on;
use super::server::Shared;
use crate::app::upstreams::{MAX_QUESTIONS, Question};
use crate::domain::upstream::question::can_answer;

/// Longest wait for a client's answer: a person may have to give it.
const ANSWER: Duration = Duration::from_mins(10);
/// Longest wait until the client is told that a question is taken back.
const TELLING: Duration = Duration::from_secs(5);

/// Runs `call`, and meanwhile asks the client what comes in `questions`. What is open when the call ends is taken
/// back.
pub(super) async fn with_answers<T>(
    shared: &Shared,
    exchange: &Exchange,
    call: impl Future<Output = T>,
    mut questions: mpsc::Receiver<Question>,
) -> T {
    let mut open = FuturesUnordered::new();
    let mut asked = 0;
    tokio::pin!(call);
    loop {
        tokio::select! {
            biased;
            result = &mut call => return result,
            Some(()) = open.next() => {}
            Some(question) = questions.recv() => {
                asked += 1;
                open.push(answer(shared, exchange, question, asked));
            }
        }
    }
}

async fn answer(shared: &Shared, exchange: &Exchange, question: Question, number: usize) {
    let Question { request, mut answer } = question;
    let said = async {
        if number > MAX_QUESTIONS {
            return Err(format!("it asks more than {MAX_QUESTIONS} times in one call"));
        }
        match serde_json::from_value(Value::Object(request)) {
            Ok(question) => ask(shared, exchange, question).await,
            Err(_) => Err("it asks for what is not known here".to_owned()),
        }
    };
    let said = tokio::select! {
        said = said => said,
        () = answer.closed() => return,
    };
    // Whoever asked may have gone just now.
    answer.send(said).ok();
}

/// One question after the other.
pub(super) async fn ask_all(
    shared: &Shared,
    exchange: &Exchange,
    questions: BTreeMap<String, InputRequest>,
) -> Result<Map<String, Value>, String> {
    let mut answers = Map::new();
    for (key, question) in questions {
        answers.insert(key, ask(shared, exchange, question).await?);
    }
    Ok(answers)
}

async fn ask(
    shared: &Shared,
    exchange: &Exchange,
    question: InputRequest,
) -> Result<Value, String> {
    let can = exchange.capabilities.as_ref().and_then(passed_on).unwrap_or_default();
    let asked = serde_json::to_value(&question).ok();
    if !asked.as_ref().and_then(Value::as_object).is_some_and(|asked| can_answer(&can, asked)) {
        return Err("it asks for what this client can't do".to_owned());
    }
    let request = match question {
        InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
        InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
        InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
        _ => return Err("it asks for what is not known here".to_owned()),
    };
    let options = PeerRequestOptions::with_timeout(ANSWER);
    let sent = exchange.peer.send_request_with_option(request, options).await;
    let sent = sent.map_err(|_| "the client can't be reached".to_owned())?;
    let mut asked = Asked { handle: Some(sent), tasks: &shared.tasks };
    match asked.answer().await {
        Ok(answer) => serde_json::to_value(answer)
            .map_err(|_| "the client's answer can't be passed on".to_owned()),
        Err(ServiceError::McpError(error)) => Err(format!("the client refused: {}", error.message)),
        Err(_) => Err("the client did not answer what it asks for".to_owned()),
    }
}

/// A question that the client has. It is told when this is dropped before it has answered.
struct Asked<'a> {
    handle: Option<RequestHandle<RoleServer>>,
    tasks: &'a TaskTracker,
}

impl Asked<'_> {
    async fn answer(&mut self) -> Result<ClientResult, ServiceError> {
        let Some(handle) = self.handle.as_mut() else { return Err(ServiceError::TransportClosed) };
        let answer = tokio::time::timeout(ANSWER, &mut handle.rx).await;
        let Ok(answer) = answer else { return Err(ServiceError::Timeout { timeout: ANSWER }) };
        self.handle = None;
        answer.unwrap_or(Err(ServiceError::TransportClosed))
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        let reason = Some("nobody waits for the answer any more".to_owned());
        self.tasks.spawn(async move {
            tokio::time::timeout(TELLING, handle.cancel(reason)).await.ok();
        });
    }
}
