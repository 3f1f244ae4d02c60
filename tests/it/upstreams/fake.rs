//! A client port whose servers are lists of names: `echo` answers with its arguments, `ask` asks first, `hang` never
//! answers; anything else says its name.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dynamic_mcp::domain::upstream::{RemoteTool, UpstreamSpec};
use dynamic_mcp::ports::{
    BoxStream, ServerInfo, UpstreamCall, UpstreamClient, UpstreamError, UpstreamEvents,
    UpstreamReply, UpstreamSession,
};
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Every server of it has the same tools.
#[derive(Default)]
pub(super) struct FakeClient {
    tools: Arc<Mutex<Vec<String>>>,
    /// What its tools say they came through.
    via: Arc<Mutex<Value>>,
    changed: watch::Sender<()>,
    pub(super) down: AtomicBool,
    /// Connections that are open.
    pub(super) open: Arc<AtomicUsize>,
    pub(super) calls: Arc<Mutex<Vec<UpstreamCall>>>,
}

impl FakeClient {
    pub(super) fn new(tools: &[&str]) -> Arc<Self> {
        let fake = Self::default();
        fake.offer(tools);
        Arc::new(fake)
    }

    /// From now on its tools came through these.
    pub(super) fn came_through(&self, via: Value) {
        *self.via.lock().unwrap() = via;
        self.changed.send_replace(());
    }

    /// From now on its servers have these tools.
    pub(super) fn offer(&self, tools: &[&str]) {
        *self.tools.lock().unwrap() = tools.iter().map(|name| (*name).to_owned()).collect();
        self.changed.send_replace(());
    }
}

#[async_trait]
impl UpstreamClient for FakeClient {
    async fn connect(&self, _: &UpstreamSpec) -> Result<Arc<dyn UpstreamSession>, UpstreamError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(UpstreamError::Unavailable("the fake is down".to_owned()));
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(FakeSession {
            tools: Arc::clone(&self.tools),
            via: Arc::clone(&self.via),
            changed: self.changed.clone(),
            gone: CancellationToken::new(),
            open: Arc::clone(&self.open),
            calls: Arc::clone(&self.calls),
        }))
    }
}

struct FakeSession {
    tools: Arc<Mutex<Vec<String>>>,
    via: Arc<Mutex<Value>>,
    changed: watch::Sender<()>,
    gone: CancellationToken,
    open: Arc<AtomicUsize>,
    calls: Arc<Mutex<Vec<UpstreamCall>>>,
}

impl Drop for FakeSession {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl UpstreamSession for FakeSession {
    fn server(&self) -> ServerInfo {
        let text = str::to_owned;
        ServerInfo { name: text("fake"), version: text("1"), protocol: text("2026-07-28") }
    }

    async fn tools(&self) -> Result<Vec<RemoteTool>, UpstreamError> {
        let tools = self.tools.lock().unwrap().clone();
        let via = self.via.lock().unwrap().clone();
        Ok(tools.into_iter().map(|name| tool(name, &via)).collect())
    }

    async fn call(
        &self,
        call: UpstreamCall,
        _: Arc<dyn UpstreamEvents>,
        cancel: CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError> {
        self.calls.lock().unwrap().push(call.clone());
        let text = match call.tool.as_str() {
            "echo" => Value::Object(call.arguments).to_string(),
            "ask" => match (call.answers, call.state.as_deref()) {
                (Some(answers), Some("sealed")) => Value::Object(answers).to_string(),
                _ => return Ok(UpstreamReply::InputRequired(object(question()))),
            },
            "hang" => {
                cancel.cancelled().await;
                return Err(UpstreamError::Cancelled);
            }
            other => other.to_owned(),
        };
        let result = json!({ "content": [{ "type": "text", "text": text }] });
        Ok(UpstreamReply::Result(object(result)))
    }

    fn changes(&self) -> BoxStream<()> {
        Box::pin(stream::unfold(self.changed.subscribe(), |mut changed| async {
            changed.changed().await.ok().map(|()| ((), changed))
        }))
    }

    async fn closed(&self) {
        self.gone.cancelled().await;
    }

    async fn close(&self) {
        self.gone.cancel();
    }
}

fn tool(name: String, via: &Value) -> RemoteTool {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let mut definition =
        json!({ "name": name, "description": "A tool of the fake.", "inputSchema": schema });
    if via.is_array() {
        definition["_meta"] = json!({ "dynamic-mcp/via": via });
    }
    RemoteTool { name, definition: Arc::new(object(definition)) }
}

fn question() -> Value {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    json!({
        "resultType": "input_required",
        "inputRequests": { "who": {
            "method": "elicitation/create",
            "params": { "mode": "form", "message": "Who?", "requestedSchema": schema },
        } },
        "requestState": "sealed",
    })
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("not an object: {value}") };
    fields
}
