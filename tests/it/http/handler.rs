//! A small MCP server whose tools let a test decide when they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, json};
use tokio::sync::{Semaphore, broadcast};

/// A handler with the tools `echo`, `hold` (ends when the test lets it, or when it is cancelled) and
/// `announce` (tells the session that the list has changed). Whoever looks up `broken` finds a defect.
#[derive(Clone)]
pub(crate) struct Held {
    /// Calls of `hold` that run.
    pub(crate) running: Arc<AtomicUsize>,
    /// Calls of `hold` that were cancelled.
    pub(crate) cancelled: Arc<AtomicUsize>,
    /// Handlers that are alive: one for each session, and this one.
    pub(crate) alive: Arc<()>,
    let_go: Arc<Semaphore>,
    changes: broadcast::Sender<()>,
}

impl Held {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::default(),
            cancelled: Arc::default(),
            alive: Arc::default(),
            let_go: Arc::new(Semaphore::new(0)),
            changes: broadcast::channel(8).0,
        }
    }

    /// Lets one call of `hold` end.
    pub(crate) fn let_go(&self) {
        self.let_go.add_permits(1);
    }

    /// How many calls of `hold` run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    async fn hold(&self, context: &RequestContext<RoleServer>) -> CallToolResult {
        self.running.fetch_add(1, Ordering::SeqCst);
        let text = tokio::select! {
            permit = self.let_go.acquire() => {
                permit.unwrap().forget();
                "let go"
            }
            () = context.ct.cancelled() => {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                "cancelled"
            }
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        CallToolResult::success(vec![ContentBlock::text(text)])
    }
}

impl ServerHandler for Held {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build(),
        )
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        assert_ne!(name, "broken", "a defect of the server");
        None
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = Map::from_iter([("type".to_owned(), json!("object"))]);
        let tools = ["echo", "hold", "announce"]
            .map(|name| Tool::new(name, "A test's tool.", Arc::new(schema.clone())));
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = match request.name.as_ref() {
            "hold" => self.hold(&context).await,
            "announce" => {
                let _no_listener = self.changes.send(());
                let _no_session = context.peer.notify_tool_list_changed().await;
                CallToolResult::success(vec![ContentBlock::text("announced")])
            }
            "echo" => {
                let arguments = request.arguments.unwrap_or_default();
                let text = serde_json::to_string(&arguments).unwrap();
                CallToolResult::success(vec![ContentBlock::text(text)])
            }
            name => return Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        };
        Ok(result.into())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => {
                    if change.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
