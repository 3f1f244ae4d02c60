//! Calls of clients that can be asked only by the answer to their request: when the server asks, the call is parked
//! and its question answered to the client, and when the client comes back with what was asked for, it goes on.
//!
//! A parked call is this process's. A client that comes back to another replica is answered from here all the same:
//! see [`elsewhere`](super::elsewhere).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::call::{MountedCall, Question, Relayed};
use super::{Upstreams, UpstreamsError};
use crate::app::host::NoSink;
use crate::app::{AppError, CallContext, CallSink, MountedTool};
use crate::domain::Caller;
use crate::domain::execution::{LogEntry, Progress};
use crate::domain::tool::ToolName;

/// How the state of a parked call begins, so that it is not taken for a server's own.
pub(super) const PREFIX: &str = "dynamic-mcp/parked/";
/// Longest wait for a client to come back: a person may have to answer.
const WAIT: Duration = Duration::from_mins(10);
/// Most calls that wait at once.
pub(super) const MAX_PARKED: usize = 256;
/// Most questions of a server during one call.
pub const MAX_QUESTIONS: usize = 32;

type Answer = oneshot::Sender<Result<Value, String>>;

/// What became of a call so far.
#[derive(Debug)]
pub enum Step {
    /// It has ended.
    Done(Relayed),
    /// The server asks.
    Asks {
        /// The tool.
        tool: ToolName,
        /// The questions as MCP writes them, each under the key that its answer belongs under.
        questions: Map<String, Value>,
        /// What the client has to send along with the answers.
        state: String,
    },
}

/// The calls that wait for their clients.
#[derive(Default)]
pub(super) struct Parked(Mutex<HashMap<String, Waiting>>);

/// A call that waits.
pub(super) struct Waiting {
    caller: Caller,
    tool: ToolName,
    open: BTreeMap<String, Answer>,
    running: Running,
    /// Ends the watch over its time.
    _watched: DropGuard,
}

/// A call that goes on by itself. Cancelled when dropped.
struct Running {
    result: oneshot::Receiver<Result<Relayed, AppError>>,
    questions: mpsc::Receiver<Question>,
    asked: usize,
    sink: Arc<Listener>,
    _cancels: DropGuard,
}

/// Whoever listens now: from one request of the client to its next one nobody does.
struct Listener(Mutex<Arc<dyn CallSink>>);

impl Listener {
    fn now(&self) -> MutexGuard<'_, Arc<dyn CallSink>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallSink for Listener {
    fn log(&self, entry: LogEntry) {
        self.now().log(entry);
    }

    fn progress(&self, progress: Progress) {
        self.now().progress(progress);
    }
}

impl Upstreams {
    /// As [`call`](Self::call), and what the server asks meanwhile is an answer too: `call` with the state that came
    /// with it, and the client's answers, goes on where it stopped.
    pub async fn call_in_steps(
        self: &Arc<Self>,
        context: CallContext,
        tool: &Arc<MountedTool>,
        call: MountedCall,
    ) -> Result<Step, AppError> {
        let CallContext { caller, sink, cancel } = context;
        let name = tool.mounted().name.clone();
        let step = async {
            if let Some(state) = call.state.as_deref().filter(|state| state.starts_with(PREFIX)) {
                let answers = call.answers.unwrap_or_default();
                if let Some(waiting) = self.parked.take(state, &caller, &name)? {
                    self.go_on(waiting, answers, sink).await
                } else {
                    self.answer_elsewhere((&caller, &*sink), tool, state, answers).await
                }
            } else {
                let running = self.start(caller.clone(), sink, tool, call);
                self.next_step(caller, name, running).await
            }
        };
        // A call that is dropped is cancelled.
        let step = cancel.run_until_cancelled(step).await;
        step.unwrap_or_else(|| Err(self.cancelled().into()))
    }

    /// Answers what a parked call asks, until it ends or asks again.
    pub(super) async fn go_on(
        self: &Arc<Self>,
        waiting: Waiting,
        mut answers: Map<String, Value>,
        sink: Arc<dyn CallSink>,
    ) -> Result<Step, AppError> {
        *waiting.running.sink.now() = sink;
        for (key, open) in waiting.open {
            let said = answers.remove(&key);
            let said = said.ok_or_else(|| "the client did not answer it".to_owned());
            // The server may have taken its question back.
            open.send(said).ok();
        }
        self.next_step(waiting.caller, waiting.tool, waiting.running).await
    }

    async fn next_step(
        self: &Arc<Self>,
        caller: Caller,
        tool: ToolName,
        mut running: Running,
    ) -> Result<Step, AppError> {
        let asked = tokio::select! {
            biased;
            ended = &mut running.result => {
                return ended.unwrap_or_else(|_| Err(self.cancelled().into())).map(Step::Done);
            }
            Some(question) = running.questions.recv() => question,
        };
        self.park(caller, tool, running, asked)
    }

    fn start(
        self: &Arc<Self>,
        caller: Caller,
        sink: Arc<dyn CallSink>,
        tool: &Arc<MountedTool>,
        mut call: MountedCall,
    ) -> Running {
        let (questions, asked) = mpsc::channel(1);
        let (result, ended) = oneshot::channel();
        let cancel = CancellationToken::new();
        let sink = Arc::new(Listener(Mutex::new(sink)));
        call.questions = Some(questions);
        let context = CallContext { caller, sink: sink.clone(), cancel: cancel.clone() };
        let (upstreams, tool) = (Arc::clone(self), Arc::clone(tool));
        let span = tracing::Span::current();
        let calling = async move {
            let relayed = upstreams.call(context, &tool, call).await;
            // Nobody may wait for it any more.
            result.send(relayed).ok();
        };
        self.parts.lifecycle.tasks.spawn(tracing::Instrument::instrument(calling, span));
        Running { result: ended, questions: asked, asked: 0, sink, _cancels: cancel.drop_guard() }
    }

    /// Keeps the call until its client comes back, with what it has asked until now.
    fn park(
        self: &Arc<Self>,
        caller: Caller,
        tool: ToolName,
        mut running: Running,
        first: Question,
    ) -> Result<Step, AppError> {
        let (mut questions, mut open) = (Map::new(), BTreeMap::new());
        let mut next = Some(first);
        while let Some(Question { request, answer }) = next {
            running.asked += 1;
            let key = format!("question-{}", running.asked);
            questions.insert(key.clone(), Value::Object(request));
            open.insert(key, answer);
            next = running.questions.try_recv().ok();
        }
        if running.asked > MAX_QUESTIONS {
            return Err(UpstreamsError::AsksTooMuch { max: MAX_QUESTIONS }.into());
        }
        *running.sink.now() = Arc::new(NoSink);
        let state = format!("{PREFIX}{}", self.parts.ids.uuid());
        let over = CancellationToken::new();
        let watched = over.clone().drop_guard();
        let waiting = Waiting { caller, tool: tool.clone(), open, running, _watched: watched };
        self.parked.keep(&state, waiting)?;
        let (upstreams, parked) = (Arc::clone(self), state.clone());
        self.parts.lifecycle.tasks.spawn(async move {
            tokio::select! {
                () = over.cancelled() => return,
                () = upstreams.parts.lifecycle.draining.cancelled() => {}
                () = tokio::time::sleep(WAIT) => {}
            }
            upstreams.parked.forget(&parked);
        });
        Ok(Step::Asks { tool, questions, state })
    }
}

impl Parked {
    fn keep(&self, state: &str, waiting: Waiting) -> Result<(), AppError> {
        let mut calls = self.calls();
        if calls.len() >= MAX_PARKED {
            return Err(UpstreamsError::TooManyParked { max: MAX_PARKED }.into());
        }
        calls.insert(state.to_owned(), waiting);
        Ok(())
    }

    /// Whether there is a call of this state.
    pub(super) fn has(&self, state: &str) -> bool {
        self.calls().contains_key(state)
    }

    /// The call of this state, which has to be this caller's call of this tool; `None`: it is not here.
    pub(super) fn take(
        &self,
        state: &str,
        caller: &Caller,
        tool: &ToolName,
    ) -> Result<Option<Waiting>, AppError> {
        let mut calls = self.calls();
        let own = |waiting: &Waiting| {
            waiting.caller.subject == caller.subject
                && waiting.caller.client == caller.client
                && waiting.tool == *tool
        };
        if calls.get(state).is_some_and(|waiting| !own(waiting)) {
            return Err(UpstreamsError::NotParked.into());
        }
        Ok(calls.remove(state))
    }

    /// Ends the call of this state, if it still waits.
    fn forget(&self, state: &str) {
        let dropped = self.calls().remove(state);
        drop(dropped);
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
