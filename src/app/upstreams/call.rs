//! A call of a mounted tool: guarded, checked, bounded and counted like one of a dynamic tool.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{Upstreams, UpstreamsError};
use crate::app::gate::Permit;
use crate::app::outcome::invalid_arguments;
use crate::app::{AppError, CallContext, CallSink, MountedTool, audited};
use crate::domain::execution::{Failure, Progress};
use crate::domain::text::millis;
use crate::domain::tool::ToolName;
use crate::domain::upstream::Alias;
use crate::domain::upstream::question::can_answer;
use crate::domain::{ErrorCode, Scope};
use crate::ports::{UpstreamCall, UpstreamError, UpstreamEvents, UpstreamReply};

/// What a client sends with a call of a mounted tool.
#[derive(Debug, Clone, Default)]
pub struct MountedCall {
    /// The arguments.
    pub arguments: Map<String, Value>,
    /// What the client can do, as MCP writes it.
    pub capabilities: Option<Map<String, Value>>,
    /// Answers to what the server had asked for.
    pub answers: Option<Map<String, Value>>,
    /// The server's own state of the call.
    pub state: Option<String>,
    /// Which client it is: the same number for every call of one.
    pub client: u64,
    /// Takes what a server with sessions asks while the call runs; `None`: this way of calling can't pass it on.
    pub questions: Option<mpsc::Sender<Question>>,
}

/// What a server asks of the client while it carries out a call.
#[derive(Debug)]
pub struct Question {
    /// The request, as MCP writes it.
    pub request: Map<String, Value>,
    /// Takes the client's answer, or why there is none. Closed when nobody waits for it any more.
    pub answer: oneshot::Sender<Result<Value, String>>,
}

/// What a call of a mounted tool came to.
#[derive(Debug)]
pub struct Relayed {
    /// The tool.
    pub tool: ToolName,
    /// The server.
    pub alias: Alias,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The server's answer, or why there is none.
    pub reply: Result<UpstreamReply, AppError>,
}

struct Events {
    sink: Arc<dyn CallSink>,
    capabilities: Map<String, Value>,
    questions: Option<mpsc::Sender<Question>>,
    permit: Weak<Permit>,
}

#[async_trait]
impl UpstreamEvents for Events {
    fn progress(&self, progress: Progress) {
        self.sink.progress(progress);
    }

    async fn ask(&self, request: Map<String, Value>) -> Result<Value, String> {
        let over = || "the call that it belongs to is over".to_owned();
        let able = can_answer(&self.capabilities, &request);
        let Some(questions) = self.questions.as_ref().filter(|_| able) else {
            return Err("it asks for what this client can't do, or not in this way".to_owned());
        };
        let (answer, answered) = oneshot::channel();
        questions.send(Question { request, answer }).await.map_err(|_| over())?;
        // A person may take minutes, in which the call does nothing. One whose question is taken back goes on
        // without a slot, which costs nothing here.
        if let Some(permit) = self.permit.upgrade() {
            permit.pause();
        }
        let answered = answered.await.unwrap_or_else(|_| Err(over()));
        if let Some(permit) = self.permit.upgrade() {
            permit.resume().await;
        }
        answered
    }
}

impl Upstreams {
    /// Calls a mounted tool. An `Err` means that the server was not asked: refused by the guard, arguments that
    /// don't fit, no connection. What the server made of the call is in the result.
    pub async fn call(
        &self,
        context: CallContext,
        tool: &MountedTool,
        call: MountedCall,
    ) -> Result<Relayed, AppError> {
        let caller = context.caller.clone();
        let relayed = self.call_guarded(context, tool, call).await;
        let outcome = match &relayed {
            Ok(Relayed { reply, duration_ms, .. }) => Ok((failure(reply), *duration_ms)),
            Err(error) => Err(error),
        };
        self.parts.audit.record(audited::mounted_call(&caller, &tool.mounted().name, outcome));
        relayed
    }

    async fn call_guarded(
        &self,
        context: CallContext,
        tool: &MountedTool,
        call: MountedCall,
    ) -> Result<Relayed, AppError> {
        let permit = Arc::new(self.parts.gate.enter(&Scope::dynamic(&tool.mounted().name))?);
        let relayed = self.relay(context, tool, call, Arc::downgrade(&permit)).await;
        if relayed.as_ref().map_or(true, |relayed| failure(&relayed.reply).is_some()) {
            permit.failed();
        }
        relayed
    }

    async fn relay(
        &self,
        context: CallContext,
        tool: &MountedTool,
        call: MountedCall,
        permit: Weak<Permit>,
    ) -> Result<Relayed, AppError> {
        let mounted = tool.mounted();
        let arguments = Value::Object(call.arguments);
        tool.check(&*self.parts.schemas, &arguments).map_err(|wrong| invalid_arguments(&wrong))?;
        let Value::Object(arguments) = arguments else { return Err(self.cancelled().into()) };
        let alias = mounted.alias.clone();
        let mount = self.mounts().get(&alias).cloned();
        let mount = mount.ok_or_else(|| UpstreamsError::NotAttached(alias.to_string()))?;
        let away = |reason| UpstreamsError::Away { alias: alias.clone(), reason };
        let session = mount.session().map_err(away)?;
        let lifecycle = &self.parts.lifecycle;
        if lifecycle.draining.is_cancelled() {
            return Err(self.cancelled().into());
        }
        let _running = lifecycle.calls.token();
        let started = Instant::now();
        let cancel = context.cancel.child_token();
        let events = Events {
            sink: context.sink,
            capabilities: call.capabilities.clone().unwrap_or_default(),
            questions: call.questions,
            permit,
        };
        let call = UpstreamCall {
            tool: mounted.tool.name.clone(),
            arguments,
            client: call.client,
            timeout: mount.attachment.timeout(),
            capabilities: call.capabilities,
            answers: call.answers,
            state: call.state,
        };
        let span = tracing::debug_span!(
            "upstream",
            otel.name = format_args!("tools/call {}", mounted.tool.name),
            otel.kind = "client",
            otel.status_code = Empty,
            mcp.method.name = "tools/call",
            gen_ai.tool.name = mounted.tool.name.as_str(),
            error.type = Empty,
        );
        let calling = session.call(call, Arc::new(events), cancel.clone());
        let calling = calling.instrument(span.clone());
        tokio::pin!(calling);
        let answer = tokio::select! {
            answer = &mut calling => answer,
            () = lifecycle.stopped.cancelled() => {
                cancel.cancel();
                calling.await
            }
        };
        let reply = answer.map_err(|error| match error {
            UpstreamError::Cancelled => {
                Failure::new(ErrorCode::Cancelled, "the call was cancelled").into()
            }
            error => AppError::from(UpstreamsError::Server { alias: alias.clone(), error }),
        });
        let took = started.elapsed();
        let code = failure(&reply);
        if let Some(code) = code {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", code.as_str());
        }
        self.parts.metrics.mounted_call(mounted.name.as_str(), code, took);
        tracing::debug!(
            tool.name = mounted.name.as_str(),
            upstream = alias.as_str(),
            outcome = code.map_or("ok", ErrorCode::as_str),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "call of a mounted tool ended"
        );
        let duration_ms = millis(took);
        Ok(Relayed { tool: mounted.name.clone(), alias, duration_ms, reply })
    }

    pub(super) fn cancelled(&self) -> Failure {
        let message = if self.parts.lifecycle.draining.is_cancelled() {
            "the server is shutting down"
        } else {
            "the call was cancelled"
        };
        Failure::new(ErrorCode::Cancelled, message)
    }
}

/// Why a call counts as failed: also where the server says that its tool failed.
fn failure(reply: &Result<UpstreamReply, AppError>) -> Option<ErrorCode> {
    match reply {
        Err(error) => Some(error.code()),
        Ok(UpstreamReply::Result(fields)) if fields.get("isError") == Some(&Value::Bool(true)) => {
            Some(ErrorCode::ToolError)
        }
        Ok(_) => None,
    }
}
