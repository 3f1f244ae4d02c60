//! What one request brings with it, in the domain's words.

use rmcp::RoleServer;
use rmcp::model::{ClientCapabilities, Extensions, ProgressToken, ProtocolVersion, RequestId};
use rmcp::service::{Peer, RequestContext};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::names::Spelling;
use super::session::Session;
use crate::app::config::NameStyle;
use crate::domain::{Caller, LogLevel};
use crate::ports::traces::TraceContext;

/// Finds what a transport has put into a request's extensions.
#[derive(Clone, Copy)]
pub struct Extractors {
    /// Who asks; `None`: the local caller.
    pub caller: fn(&Extensions) -> Option<Caller>,
    /// The lowest level of log entries that the request's session wants, where the transport remembers it
    /// for longer than a handler lives.
    pub log_level: fn(&Extensions) -> Option<LogLevel>,
    /// The trace that the transport's own request belongs to.
    pub trace: fn(&Extensions) -> Option<TraceContext>,
}

impl Extractors {
    /// For a transport with one client, which is known by its being there.
    pub(super) const NONE: Self = Self { caller: |_| None, log_level: |_| None, trace: |_| None };
}

/// One request.
pub(super) struct Exchange {
    /// Who asks.
    pub(super) caller: Caller,
    /// The number of the session, or of the request where there is none.
    pub(super) session: u64,
    /// How this client wants tools to be spelled.
    pub(super) spelling: Spelling,
    /// Cancelled when the client takes the request back, or is gone.
    pub(super) cancel: CancellationToken,
    /// The client.
    pub(super) peer: Peer<RoleServer>,
    /// The request's id.
    pub(super) id: RequestId,
    /// The token for progress, if the client wants to be told.
    pub(super) progress: Option<ProgressToken>,
    /// The lowest level of log entries that the client wants, if it wants any.
    pub(super) log_from: Option<LogLevel>,
    /// Whether it belongs to a revision without sessions.
    pub(super) stateless: bool,
    /// What the client can do, where it said so.
    pub(super) capabilities: Option<ClientCapabilities>,
    /// When it came.
    pub(super) started: Instant,
}

impl Exchange {
    pub(super) fn new(
        context: &RequestContext<RoleServer>,
        session: &Session,
        style: NameStyle,
        extractors: Extractors,
    ) -> Self {
        Self {
            caller: (extractors.caller)(&context.extensions).unwrap_or_else(Caller::local),
            session: session.number,
            spelling: spelling(context, style),
            cancel: context.ct.clone(),
            peer: context.peer.clone(),
            id: context.id.clone(),
            progress: context.meta.get_progress_token(),
            log_from: if is_stateless(context) {
                context.meta.log_level().map(level)
            } else {
                (extractors.log_level)(&context.extensions).or_else(|| session.log_from())
            },
            stateless: is_stateless(context),
            capabilities: context.client_capabilities(),
            started: Instant::now(),
        }
    }
}

/// How the client that sent this wants tools to be spelled.
pub(super) fn spelling(context: &RequestContext<RoleServer>, style: NameStyle) -> Spelling {
    match style {
        NameStyle::Auto => {
            let client = context.client_info();
            Spelling::for_client(style, client.as_ref().map(|client| &*client.name))
        }
        fixed => Spelling::for_client(fixed, None),
    }
}

/// Whether the request belongs to a revision without sessions (2026-07-28 and later).
pub(super) fn is_stateless(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| without_sessions(&version))
}

/// Whether this revision has no sessions.
pub(super) fn without_sessions(version: &ProtocolVersion) -> bool {
    version.as_str() >= ProtocolVersion::V_2026_07_28.as_str()
}

#[expect(deprecated, reason = "logging is served as long as a supported revision has it")]
pub(super) const fn level(level: rmcp::model::LoggingLevel) -> LogLevel {
    use rmcp::model::LoggingLevel as Theirs;
    match level {
        Theirs::Debug => LogLevel::Debug,
        Theirs::Info => LogLevel::Info,
        Theirs::Notice => LogLevel::Notice,
        Theirs::Warning => LogLevel::Warning,
        Theirs::Error => LogLevel::Error,
        Theirs::Critical => LogLevel::Critical,
        Theirs::Alert => LogLevel::Alert,
        Theirs::Emergency => LogLevel::Emergency,
    }
}

/// The other way round.
#[expect(deprecated, reason = "logging is served as long as a supported revision has it")]
pub(super) const fn their_level(level: LogLevel) -> rmcp::model::LoggingLevel {
    use rmcp::model::LoggingLevel as Theirs;
    match level {
        LogLevel::Debug => Theirs::Debug,
        LogLevel::Info => Theirs::Info,
        LogLevel::Notice => Theirs::Notice,
        LogLevel::Warning => Theirs::Warning,
        LogLevel::Error => Theirs::Error,
        LogLevel::Critical => Theirs::Critical,
        LogLevel::Alert => Theirs::Alert,
        LogLevel::Emergency => Theirs::Emergency,
    }
}
