//! The SDK's handler: every request finds its way from here.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestMethod,
    CompleteRequestParams, CompleteResult, ConstString, CustomRequest, CustomResult,
    DiscoverResult, ErrorCode, GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse,
    Implementation, InitializeRequestParams, InitializeResult, JsonObject,
    ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, PromptsCapability, ReadResourceRequestMethod,
    ReadResourceRequestParams, ReadResourceResponse, ResourcesCapability, ServerCapabilities,
    ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use super::announce::Audience;
use super::exchange::{self, Exchange, Extractors};
use super::lists::{Lists, ToolList};
use super::names::{Spelling, is_spelling_of};
use super::reply::{self, Declared};
use super::session::Session;
use super::tool::Route;
use super::{dynamic, guide, misuse, prompts, relay, resources, tools, trace};
use crate::app::config::NameStyle;
use crate::app::{App, Lifecycle, MountedTool, System};
use crate::domain::Profile;

/// How long a client may keep a list, in milliseconds. It can change at any moment, and a client without a
/// subscription would not be told.
const LIST_TTL_MS: u64 = 0;

/// What an operator can set about the MCP face.
#[derive(Debug, Clone, Copy, Default)]
pub struct McpOptions {
    /// Which built-in tools there are (`MCP_PROFILE`).
    pub profile: Profile,
    /// How tools are spelled (`MCP_TOOL_NAME_STYLE`).
    pub name_style: NameStyle,
}

/// The MCP face of one server. Cheap to clone.
///
/// Clones share a session's settings; [`session`](Self::session) makes a handler for a new session.
#[derive(Clone)]
pub struct McpServer {
    shared: Arc<Shared>,
    session: Arc<Session>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) app: App,
    /// Runs what may outlive a request.
    pub(super) tasks: TaskTracker,
    options: McpOptions,
    extractors: Extractors,
    builtins: Vec<Route>,
    lists: Lists,
    audience: Arc<Audience>,
}

impl McpServer {
    /// A server of these use cases; begins to follow the catalogue at once. Every caller is the local one.
    pub fn new(app: App, options: McpOptions, lifecycle: Lifecycle) -> Self {
        Self::on_transport(app, options, lifecycle, Extractors::NONE)
    }

    /// As [`new`](Self::new), for a transport that knows its callers and sessions.
    pub fn on_transport(
        app: App,
        options: McpOptions,
        lifecycle: Lifecycle,
        extractors: Extractors,
    ) -> Self {
        let shared = Shared {
            tasks: lifecycle.tasks.clone(),
            audience: Audience::follow(&app, lifecycle),
            builtins: tools::all(options.profile, app.upstreams.is_some()),
            lists: Lists::new(),
            app,
            options,
            extractors,
        };
        Self { shared: Arc::new(shared), session: Arc::default() }
    }

    /// A handler for a new session, or for a request without one.
    #[must_use]
    pub fn session(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), session: Arc::default() }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn exchange(&self, context: &RequestContext<RoleServer>) -> Exchange {
        let Shared { options, extractors, .. } = &*self.shared;
        Exchange::new(context, &self.session, options.name_style, *extractors)
    }

    fn span(
        &self,
        context: &RequestContext<RoleServer>,
        method: &'static str,
        target: &str,
    ) -> Span {
        let outer = (self.shared.extractors.trace)(&context.extensions);
        trace::span(context, outer, method, target)
    }

    fn spelling(&self, context: &RequestContext<RoleServer>) -> Spelling {
        exchange::spelling(context, self.shared.options.name_style)
    }
}

impl Shared {
    /// The documented name of the dynamic or mounted tool that a client means by `name`.
    pub(super) fn resolve(&self, name: &str, spelling: Spelling) -> Option<String> {
        if let Some(alias) = self.lists.alias(name, spelling) {
            return Some(alias.as_str().to_owned());
        }
        let snapshot = self.app.catalog.snapshot();
        if let Some(documented) = snapshot.documented(name) {
            return Some(documented.as_str().to_owned());
        }
        if snapshot.corrupt(name).is_some() {
            return Some(name.to_owned());
        }
        // Perhaps a name from a list that was built before a restart.
        self.list(spelling);
        self.lists.alias(name, spelling).map(|alias| alias.as_str().to_owned())
    }

    /// The built-in tool of this name, in either spelling.
    pub(super) fn builtin(&self, name: &str) -> Option<&Route> {
        self.builtins.iter().find(|route| is_spelling_of(name, route.name))
    }

    /// The mounted tool of this documented name, unless a dynamic one has it.
    pub(super) fn mounted(&self, name: &str) -> Option<Arc<MountedTool>> {
        let snapshot = self.app.catalog.snapshot();
        let tool = snapshot.mounts().find(name)?;
        snapshot.exactly(&tool.mounted().name).is_none().then(|| Arc::clone(tool))
    }

    /// The profile's name.
    pub(super) const fn profile(&self) -> &'static str {
        self.options.profile.as_str()
    }

    /// What `tools/list` answers now.
    pub(super) fn list(&self, spelling: Spelling) -> Arc<ToolList> {
        self.lists.current(&self.builtins, &self.app.catalog.snapshot(), spelling)
    }

    /// Refuses a method that only the enterprise profile has.
    fn enterprise<M: ConstString>(&self) -> Result<(), ErrorData> {
        if self.options.profile.includes(Profile::Enterprise) {
            Ok(())
        } else {
            Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, M::VALUE, None))
        }
    }

    async fn call(
        &self,
        exchange: &Exchange,
        request: CallToolRequestParams,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(route) = self.builtin(&request.name) {
            let arguments = request.arguments.unwrap_or_default();
            return Ok(route.call(self, exchange, arguments).await.into());
        }
        let Some(name) = self.resolve(&request.name, exchange.spelling) else {
            return Err(dynamic::unknown(exchange, &request.name));
        };
        Ok(match self.mounted(&name) {
            Some(tool) => relay::call(self, exchange, &tool, request).await,
            None => dynamic::call(self, exchange, &name, request.arguments).await.into(),
        })
    }
}

impl ServerHandler for McpServer {
    #[expect(deprecated, reason = "logging is served as long as a supported revision has it")]
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_logging()
            .build();
        if self.shared.options.profile.includes(Profile::Enterprise) {
            capabilities.completions = Some(JsonObject::default());
            capabilities.prompts = Some(PromptsCapability::default());
            capabilities.resources = Some(ResourcesCapability::default());
        }
        let server =
            Implementation::new(System::SERVICE, System::VERSION).with_title("Dynamic MCP server");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    /// The session is registered here, not when the client says that it is ready: that message is handled
    /// side by side with those that follow it, and a change made by one of them could be missed.
    ///
    /// The revision that is agreed on, not the one asked for, is what later requests are judged by. The SDK sees to
    /// that after the first handshake only.
    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        request.protocol_version = result.protocol_version.clone();
        context.peer.set_peer_info(request);
        if self.session.open() {
            self.shared.audience.join(context.peer.clone());
        }
        let spelling = self.spelling(&context);
        Ok(result.with_instructions(guide::instructions(spelling)))
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let guide = guide::instructions(self.spelling(&context));
        Ok(DiscoverResult::from_server_info(versions, self.get_info().with_instructions(guide)))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let _span = self.span(&context, "tools/list", "").entered();
        only_page(request.as_ref(), "tools/list")?;
        let list = self.shared.list(self.spelling(&context));
        let mut result = ListToolsResult::with_all_items(list.tools.clone());
        if exchange::is_stateless(&context) {
            result = result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let span = self.span(&context, "tools/call", &request.name);
        let exchange = self.exchange(&context);
        let call = self.shared.call(&exchange, request).instrument(span.clone());
        // Without this a panic would leave the client waiting for ever.
        let response = AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            let took = exchange.started.elapsed();
            Ok(reply::defect(took, exchange.spelling, Declared::Ours).into())
        });
        trace::end(&span, &response);
        response
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.shared.enterprise::<ListResourcesRequestMethod>()?;
        only_page(request.as_ref(), "resources/list")?;
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.shared.enterprise::<ListResourceTemplatesRequestMethod>()?;
        only_page(request.as_ref(), "resources/templates/list")?;
        Ok(ListResourceTemplatesResult::default())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.shared.enterprise::<ReadResourceRequestMethod>()?;
        let _span = self.span(&context, "resources/read", &request.uri).entered();
        let mut result = resources::read(&self.shared, &request.uri)?;
        if exchange::is_stateless(&context) {
            result = result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private);
        }
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.shared.enterprise::<ListPromptsRequestMethod>()?;
        only_page(request.as_ref(), "prompts/list")?;
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.shared.enterprise::<GetPromptRequestMethod>()?;
        let _span = self.span(&context, "prompts/get", &request.name).entered();
        let result = prompts::get(&self.shared, &request, self.spelling(&context))?;
        Ok(result.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.shared.enterprise::<CompleteRequestMethod>()?;
        let info = prompts::complete(&self.shared, &request, self.spelling(&context))?;
        Ok(CompleteResult::new(info))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        match self.shared.builtin(name) {
            Some(route) => Some(route.definition(Spelling::Documented)),
            None => dynamic::find(&self.shared, name),
        }
    }

    #[expect(deprecated, reason = "logging is served as long as a supported revision has it")]
    async fn set_level(
        &self,
        request: rmcp::model::SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if exchange::is_stateless(&context) {
            let message = "this revision has no logging/setLevel: give the level in _meta";
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None));
        }
        self.session.set_log_from(exchange::level(request.level));
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.shared.audience.subscription(&context).await;
        Ok(())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let enterprise = self.shared.options.profile.includes(Profile::Enterprise);
        Err(misuse::answer(&request, exchange::is_stateless(&context), enterprise))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [rmcp::model::ProtocolVersion]> {
        Cow::Borrowed(rmcp::model::ProtocolVersion::KNOWN_VERSIONS)
    }
}

/// Everything is on the first page of a list, so that no cursor was ever given out.
fn only_page(request: Option<&PaginatedRequestParams>, method: &str) -> Result<(), ErrorData> {
    if request.is_some_and(|request| request.cursor.is_some()) {
        let message = format!("Invalid params for {method}: there is no page with this cursor");
        return Err(ErrorData::invalid_params(message, None));
    }
    Ok(())
}
