//! What can go wrong with other servers, and which code that is.

use serde_json::{Value, json};

use crate::domain::ErrorCode;
use crate::domain::tool::ToolName;
use crate::domain::upstream::{Alias, InvalidUpstream};
use crate::ports::UpstreamError;

/// Why something about another server was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamsError {
    /// A draft that breaks a rule.
    #[error("{0}")]
    Invalid(#[from] InvalidUpstream),
    /// Names that clients would refuse.
    #[error("{alias} can't be attached, because of the names of its tools: {names}")]
    Names {
        /// The alias.
        alias: Alias,
        /// Some of them, each with the reason.
        names: String,
    },
    /// The alias is in use.
    #[error(
        "a server is attached as '{0}' already: detach it with upstream.mcp.detach, or pass replace, or choose another alias"
    )]
    Attached(Alias),
    /// No such alias.
    #[error("no server is attached as '{0}'; upstream.mcp.list shows those that are")]
    NotAttached(String),
    /// A dynamic tool is under the alias.
    #[error(
        "the alias '{alias}' is taken by the tool '{tool}', whose name begins so: choose another alias"
    )]
    AliasTaken {
        /// The alias asked for.
        alias: Alias,
        /// A tool with such a name.
        tool: String,
    },
    /// Names under one alias could be names under another.
    #[error(
        "the alias '{alias}' is too like the alias '{other}', which is attached: choose another one"
    )]
    AliasesOverlap {
        /// The alias asked for.
        alias: Alias,
        /// The one that is in the way.
        other: Alias,
    },
    /// A tool is to be made under an alias.
    #[error(
        "the name '{name}' is reserved for the tools of the server attached as '{alias}': choose one that does not begin so"
    )]
    UnderAlias {
        /// The name asked for.
        name: ToolName,
        /// The alias.
        alias: Alias,
    },
    /// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX`.
    #[error("{max} servers are attached, which is the limit: detach one first")]
    LimitReached {
        /// The limit.
        max: usize,
    },
    /// Several writers at once.
    #[error(
        "the attachment of '{0}' was changed meanwhile: look at it with upstream.mcp.list and try again"
    )]
    Changed(Alias),
    /// The server itself.
    #[error("upstream '{alias}': {error}")]
    Server {
        /// Its alias.
        alias: Alias,
        /// What happened.
        error: UpstreamError,
    },
    /// There is no connection now.
    #[error("upstream '{alias}' is not connected ({reason}); it is tried again in the background")]
    Away {
        /// Its alias.
        alias: Alias,
        /// Why.
        reason: String,
    },
    /// A server asks more often than anybody would answer.
    #[error("the tool's server asked for more than {max} times in one call")]
    AsksTooMuch {
        /// The limit.
        max: usize,
    },
    /// Too many clients were asked and have not come back.
    #[error("{max} calls wait for answers of their clients, which is the limit: try again later")]
    TooManyParked {
        /// The limit.
        max: usize,
    },
    /// Answers to what nobody asks any more.
    #[error("the call that this answers is over: call the tool again without requestState")]
    NotParked,
    /// A server asks its client, and this way of calling can't pass that on.
    #[error("this tool asks its caller for more: call it by its own name '{0}'")]
    Asks(ToolName),
}

impl UpstreamsError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(InvalidUpstream::Command { .. } | InvalidUpstream::Loader { .. }) => {
                ErrorCode::PermissionDenied
            }
            Self::Invalid(_) | Self::Names { .. } | Self::Asks(_) | Self::NotParked => {
                ErrorCode::InvalidInput
            }
            Self::AsksTooMuch { .. } => ErrorCode::InvalidOutput,
            Self::TooManyParked { .. } => ErrorCode::TooBusy,
            Self::Attached(_) | Self::AliasTaken { .. } | Self::AliasesOverlap { .. } => {
                ErrorCode::AlreadyExists
            }
            Self::NotAttached(_) => ErrorCode::NotFound,
            Self::UnderAlias { .. } => ErrorCode::InvalidTool,
            Self::LimitReached { .. } => ErrorCode::LimitReached,
            Self::Changed(_) => ErrorCode::RevisionConflict,
            Self::Server { error, .. } => match error {
                UpstreamError::Forbidden(_) => ErrorCode::PermissionDenied,
                UpstreamError::Unavailable(_) => ErrorCode::EngineUnavailable,
                UpstreamError::Timeout(_) => ErrorCode::Timeout,
                UpstreamError::TooLarge(_) => ErrorCode::OutputTooLarge,
                UpstreamError::Protocol(_) => ErrorCode::InvalidOutput,
                UpstreamError::Refused { .. } => ErrorCode::ToolError,
                UpstreamError::Cancelled => ErrorCode::Cancelled,
            },
            Self::Away { .. } => ErrorCode::EngineUnavailable,
        }
    }

    /// What a program can use.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::LimitReached { max } | Self::TooManyParked { max } => Some(json!({ "max": max })),
            Self::Server { error: UpstreamError::Refused { code, .. }, .. } => {
                Some(json!({ "upstreamCode": code }))
            }
            _ => None,
        }
    }
}
