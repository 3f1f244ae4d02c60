//! A connection: lists with caps, calls with a time limit, and an end that leaves nothing behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ListToolsRequest, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, RequestMetaObject, ServerResult, SubscriptionFilter,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, RunningService};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::calls::{Call, Calls, used_up};
use super::fault::{self, Redactor};
use super::handler::{Events, Handler};
use super::program::Program;
use crate::domain::upstream::RemoteTool;
use crate::ports::{
    BoxStream, ServerInfo, UpstreamCall, UpstreamError, UpstreamEvents, UpstreamReply,
    UpstreamSession, traces,
};

/// Most pages of a list.
const MAX_PAGES: usize = 64;
/// Most tools of a server.
const MAX_TOOLS: usize = 1_000;
/// Most bytes of JSON that a server's tools may have together.
const MAX_LIST_BYTES: usize = 8 << 20;
/// How long a connection may take to be closed in order.
const CLOSING: Duration = Duration::from_secs(3);
/// Longest wait until the server is told that a call is cancelled.
const TELLING: Duration = Duration::from_secs(5);
/// Time between attempts to subscribe to changes.
const RESUBSCRIBE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Session {
    peer: Peer<RoleClient>,
    info: ServerInfo,
    events: Events,
    redactor: Redactor,
    list_timeout: Duration,
    tasks: TaskTracker,
    gone: CancellationToken,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Session {
    pub(super) fn new(
        running: RunningService<RoleClient, Handler>,
        program: Option<Program>,
        events: Events,
        redactor: Redactor,
        list_timeout: Duration,
        tasks: &TaskTracker,
    ) -> Self {
        let (gone, stop) = (CancellationToken::new(), CancellationToken::new());
        let peer = running.peer().clone();
        let info = server_info(&peer, &redactor);
        tasks.spawn(keep(running, program, stop.clone(), gone.clone()));
        if info.protocol.as_str() >= ProtocolVersion::V_2026_07_28.as_str() {
            let listening = subscribe(peer.clone(), events.clone());
            let gone = gone.clone();
            tasks.spawn(async move { gone.run_until_cancelled(listening).await });
        }
        let (tasks, stops) = (tasks.clone(), stop.clone().drop_guard());
        Self { peer, info, events, redactor, list_timeout, tasks, gone, stop, _stops: stops }
    }

    async fn page(&self, cursor: Option<String>) -> Result<ListToolsResult, UpstreamError> {
        let params = Some(PaginatedRequestParams::default().with_cursor(cursor));
        let request = ListToolsRequest { params, ..ListToolsRequest::default() };
        let options = PeerRequestOptions::with_timeout(self.list_timeout);
        let sent = self
            .peer
            .send_request_with_option(ClientRequest::ListToolsRequest(request), options)
            .await;
        let answer = match sent {
            Ok(handle) => handle.await_response().await,
            Err(error) => Err(error),
        };
        match answer.map_err(|error| fault::of_request(&error, &self.redactor))? {
            ServerResult::ListToolsResult(page) => Ok(page),
            _ => Err(UpstreamError::Protocol("its list of tools is none".to_owned())),
        }
    }

    async fn all_pages(&self) -> Result<Vec<RemoteTool>, UpstreamError> {
        let (mut tools, mut cursors, mut bytes) = (Vec::new(), HashSet::new(), 0);
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(cursor.take()).await?;
            for tool in page.tools {
                let tool = remote(&tool)?;
                bytes += serde_json::to_string(&*tool.definition).map_or(0, |json| json.len());
                tools.push(tool);
                if tools.len() > MAX_TOOLS {
                    let message = format!("more than {MAX_TOOLS} tools");
                    return Err(UpstreamError::TooLarge(message));
                }
                if bytes > MAX_LIST_BYTES {
                    let message = format!("tools of more than {MAX_LIST_BYTES} bytes");
                    return Err(UpstreamError::TooLarge(message));
                }
            }
            let Some(next) = page.next_cursor else { return Ok(tools) };
            if !cursors.insert(next.clone()) {
                let message = "its list of tools comes back to a page that was there";
                return Err(UpstreamError::Protocol(message.to_owned()));
            }
            cursor = Some(next);
        }
        Err(UpstreamError::TooLarge(format!("a list of more than {MAX_PAGES} pages")))
    }

    /// Sends a call. Nothing is heard of it before it is known whose it is.
    async fn send(
        &self,
        call: UpstreamCall,
        events: Arc<dyn UpstreamEvents>,
        waiting: watch::Sender<usize>,
    ) -> Result<Running, UpstreamError> {
        let client = call.client;
        let mut params = CallToolRequestParams::new(call.tool).with_arguments(call.arguments);
        params.input_responses = call.answers.map(|answers| answers.into_iter().collect());
        params.request_state = call.state;
        let request = CallToolRequest::new(params);
        let mut options = PeerRequestOptions::no_options();
        let mut meta = RequestMetaObject::new();
        if let Some(trace) = traces::current() {
            meta.set_traceparent(&trace.parent);
            if let Some(state) = &trace.state {
                meta.set_tracestate(state);
            }
            options = options.with_meta(meta.clone());
        }
        if self.info.protocol.as_str() >= ProtocolVersion::V_2026_07_28.as_str() {
            let capabilities = call.capabilities.unwrap_or_default();
            let read = serde_json::from_value(Value::Object(capabilities));
            meta.set_client_capabilities(read.unwrap_or_default());
            options = options.with_meta(meta);
        }
        let calls = self.events.calls.clone();
        let sending = calls.sending.lock().await;
        let handle = self
            .peer
            .send_request_with_option(ClientRequest::CallToolRequest(request), options)
            .await
            .map_err(|error| fault::of_request(&error, &self.redactor))?;
        let call = Call { id: handle.id.clone(), client, events, waiting };
        calls.begin(handle.progress_token.clone(), call);
        drop(sending);
        Ok(Running { handle: Some(handle), calls, tasks: self.tasks.clone() })
    }
}

#[async_trait]
impl UpstreamSession for Session {
    fn server(&self) -> ServerInfo {
        self.info.clone()
    }

    async fn tools(&self) -> Result<Vec<RemoteTool>, UpstreamError> {
        match tokio::time::timeout(self.list_timeout, self.all_pages()).await {
            Ok(tools) => tools,
            Err(_) => Err(fault::too_slow(self.list_timeout)),
        }
    }

    async fn call(
        &self,
        call: UpstreamCall,
        events: Arc<dyn UpstreamEvents>,
        cancel: CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError> {
        let limit = call.timeout;
        let (waiting, waits) = watch::channel(0);
        let answered = async {
            let mut running = self.send(call, events, waiting).await?;
            let answer = running.answer().await;
            reply(answer.map_err(|error| fault::of_request(&error, &self.redactor))?)
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(UpstreamError::Cancelled),
            answer = answered => answer,
            () = used_up(limit, waits) => Err(fault::too_slow(limit)),
        }
    }

    fn changes(&self) -> BoxStream<()> {
        let (changed, gone) = (self.events.changed.subscribe(), self.gone.clone());
        Box::pin(stream::unfold((changed, gone), |(mut changed, gone)| async {
            let news = gone.run_until_cancelled(changed.changed()).await;
            matches!(news, Some(Ok(()))).then_some(((), (changed, gone)))
        }))
    }

    async fn closed(&self) {
        self.gone.cancelled().await;
    }

    async fn close(&self) {
        self.stop.cancel();
        self.gone.cancelled().await;
    }
}

/// A call that was sent. The server is told when this is dropped before it has answered.
struct Running {
    handle: Option<RequestHandle<RoleClient>>,
    calls: Calls,
    tasks: TaskTracker,
}

impl Running {
    async fn answer(&mut self) -> Result<ServerResult, rmcp::ServiceError> {
        let Some(handle) = self.handle.as_mut() else {
            return Err(rmcp::ServiceError::TransportClosed);
        };
        let answer = (&mut handle.rx).await;
        self.calls.end(&handle.progress_token);
        self.handle = None;
        answer.unwrap_or(Err(rmcp::ServiceError::TransportClosed))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        self.calls.give_up(&handle.progress_token);
        let reason = Some("nobody waits for it any more".to_owned());
        self.tasks.spawn(async move {
            // A server that can't be told is gone or does not read.
            tokio::time::timeout(TELLING, handle.cancel(reason)).await.ok();
        });
    }
}

/// Until the connection ends, or is to be ended; then whatever was started for it is ended too.
async fn keep(
    running: RunningService<RoleClient, Handler>,
    program: Option<Program>,
    stop: CancellationToken,
    gone: CancellationToken,
) {
    let cancel = running.cancellation_token();
    let waiting = running.waiting();
    tokio::pin!(waiting);
    tokio::select! {
        _ = &mut waiting => {}
        () = stop.cancelled() => {
            cancel.cancel();
            // Where it takes longer, the program is ended all the same.
            tokio::time::timeout(CLOSING, waiting).await.ok();
        }
    }
    if let Some(program) = program {
        program.end().await;
    }
    gone.cancel();
}

/// The newest revision tells of changes to who has subscribed only.
async fn subscribe(peer: Peer<RoleClient>, events: Events) {
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    loop {
        if let Ok(mut subscription) = peer.listen(filter.clone()).await {
            while let Ok(Some(_)) = subscription.next().await {
                events.changed.send_replace(());
            }
        }
        tokio::time::sleep(RESUBSCRIBE).await;
        // Something may have been missed.
        events.changed.send_replace(());
    }
}

fn server_info(peer: &Peer<RoleClient>, redactor: &Redactor) -> ServerInfo {
    let Some(info) = peer.peer_info() else {
        return ServerInfo { name: String::new(), version: String::new(), protocol: String::new() };
    };
    let said = info.server_info.as_ref();
    ServerInfo {
        name: said.map_or_else(String::new, |said| redactor.redact(&said.name)),
        version: said.map_or_else(String::new, |said| redactor.redact(&said.version)),
        protocol: info.protocol_version.to_string(),
    }
}

fn remote(tool: &rmcp::model::Tool) -> Result<RemoteTool, UpstreamError> {
    match serde_json::to_value(tool) {
        Ok(Value::Object(definition)) => {
            Ok(RemoteTool { name: tool.name.to_string(), definition: Arc::new(definition) })
        }
        _ => Err(UpstreamError::Protocol("one of its tools can't be read".to_owned())),
    }
}

fn reply(result: ServerResult) -> Result<UpstreamReply, UpstreamError> {
    let is_task = matches!(result, ServerResult::CreateTaskResult(_));
    let asks = matches!(result, ServerResult::InputRequiredResult(_));
    let fields = serde_json::to_value(result).map(object);
    match fields {
        Ok(Some(fields)) if asks => Ok(UpstreamReply::InputRequired(fields)),
        Ok(Some(mut fields))
            if !is_task
                && (fields.contains_key("content") || fields.contains_key("structuredContent")) =>
        {
            fields.entry("content").or_insert_with(|| Value::Array(Vec::new()));
            Ok(UpstreamReply::Result(fields))
        }
        _ => Err(UpstreamError::Protocol("its answer is not a tool's result".to_owned())),
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
