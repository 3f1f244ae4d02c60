//! Another MCP server, spoken to as its client.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::BoxStream;
use crate::domain::execution::Progress;
use crate::domain::upstream::{RemoteTool, UpstreamSpec};

/// Connects to servers that nobody vouches for.
///
/// Whatever the server does, every future of this port and of its sessions MUST end within a time that the
/// adapter bounds, and what a server sends MUST be bounded in size before it is kept. No error or log MUST show
/// a secret of the specification.
#[async_trait]
pub trait UpstreamClient: Send + Sync {
    /// Connects and agrees on a revision of the protocol. What was started MUST be gone if this fails or is
    /// dropped.
    async fn connect(&self, spec: &UpstreamSpec)
    -> Result<Arc<dyn UpstreamSession>, UpstreamError>;
}

/// A connection. When the last handle is dropped it is closed, with everything that was started for it.
#[async_trait]
pub trait UpstreamSession: Send + Sync {
    /// Who the server says it is.
    fn server(&self) -> ServerInfo;

    /// Every tool. MUST fail rather than return part of them.
    async fn tools(&self) -> Result<Vec<RemoteTool>, UpstreamError>;

    /// Calls a tool. `events` hears of progress and questions until this returns; time that a question waits for
    /// its answer MUST not count towards the call's time. When `cancel` is cancelled the server MUST be told, and
    /// this MUST return at once.
    ///
    /// A question MUST reach the call that it is of. Where the server does not say which one that is, it MUST be
    /// refused unless every call that it could be of is of the same client.
    async fn call(
        &self,
        call: UpstreamCall,
        events: Arc<dyn UpstreamEvents>,
        cancel: CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError>;

    /// Wakes when the server says that its tools have changed. Ends with the connection.
    fn changes(&self) -> BoxStream<()>;

    /// Returns when the connection is gone.
    async fn closed(&self);

    /// Closes the connection. MUST leave nothing running that was started for it.
    async fn close(&self);
}

/// Who a server says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The revision of MCP that is spoken with it.
    pub protocol: String,
}

/// A call of an upstream's tool.
#[derive(Debug, Clone)]
pub struct UpstreamCall {
    /// The tool's name there.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Which client calls: calls of one have the same number.
    pub client: u64,
    /// How long it may run.
    pub timeout: std::time::Duration,
    /// What the client that calls can do, as MCP writes it; for servers that ask per request.
    pub capabilities: Option<Map<String, Value>>,
    /// Answers to what the server had asked for, where this is another round of a call.
    pub answers: Option<Map<String, Value>>,
    /// The server's own state of that call.
    pub state: Option<String>,
}

/// Hears what a server says during a call.
#[async_trait]
pub trait UpstreamEvents: Send + Sync {
    /// Progress. Must not block.
    fn progress(&self, progress: Progress);

    /// A request of the server to its client, as MCP writes it, for elicitation or sampling; the client's answer, or
    /// why there is none. Dropped when the server takes it back.
    async fn ask(&self, request: Map<String, Value>) -> Result<Value, String>;
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq)]
pub enum UpstreamReply {
    /// The tool's result, as MCP writes it.
    Result(Map<String, Value>),
    /// It asks the client first: MCP's input-required result.
    InputRequired(Map<String, Value>),
}

/// Why a server gave no answer. The texts hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It may not be reached: an address that is not public, for instance.
    #[error("{0}")]
    Forbidden(String),
    /// It can't be reached, or the connection was lost.
    #[error("{0}")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("it did not answer within {0} ms")]
    Timeout(u64),
    /// It sent more than is taken.
    #[error("it sent more than is taken: {0}")]
    TooLarge(String),
    /// It sent what is not MCP, or not what was asked for.
    #[error("it does not keep to the protocol: {0}")]
    Protocol(String),
    /// It refused the request, in its own words.
    #[error("it refused: {message} (code {code})")]
    Refused {
        /// The JSON-RPC code.
        code: i32,
        /// Its message, clipped.
        message: String,
    },
    /// The caller cancelled.
    #[error("the call was cancelled")]
    Cancelled,
}
