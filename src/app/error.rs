//! The one error of the use cases.
//!
//! An error has a stable code, a public message that tells the caller what to do and holds nothing of the
//! host's (no path, command line, code or secret), and perhaps a source, which only the log sees.

use serde_json::{Value, json};

use super::upstreams::UpstreamsError;
use crate::domain::access::Refusal;
use crate::domain::execution::{Failure, SyntaxError};
use crate::domain::text::millis;
use crate::domain::tool::permissions::PermissionError;
use crate::domain::tool::{InvalidTool, Revision, RevisionConflict, ToolName};
use crate::domain::{ErrorCode, Rejection};
use crate::ports::{EngineError, StoreError};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Arguments that don't fit.
    #[error("{message}")]
    InvalidInput {
        /// What is wrong, and what is allowed.
        message: String,
        /// For programs.
        details: Option<Value>,
    },
    /// A definition that breaks a rule.
    #[error(transparent)]
    InvalidTool(#[from] InvalidTool),
    /// Code that can't be parsed.
    #[error("the code has a {0}")]
    Syntax(#[from] SyntaxError),
    /// No such tool.
    #[error("there is no tool named '{0}'; dynamic.tool.list shows those that exist")]
    NotFound(String),
    /// The tool is there, but disabled.
    #[error("the tool '{0}' is disabled; dynamic.tool.enable makes it callable again")]
    Disabled(ToolName),
    /// The name is taken.
    #[error(
        "a tool named '{0}' already exists; change it with dynamic.tool.update, or choose another name"
    )]
    AlreadyExists(ToolName),
    /// Another tool is spelled the same where clients allow no dots.
    #[error(
        "the name '{name}' is spelled like '{other}' to clients that allow no dots or colons; choose another name"
    )]
    SpellingTaken {
        /// The name asked for.
        name: ToolName,
        /// The tool that has the spelling.
        other: ToolName,
    },
    /// Somebody else changed the tool.
    #[error(transparent)]
    Conflict(#[from] RevisionConflict),
    /// The tool was deleted meanwhile.
    #[error(
        "revision conflict: the tool '{name}' was expected at revision {expected}, but is deleted"
    )]
    Gone {
        /// The tool.
        name: ToolName,
        /// What the writer expected.
        expected: Revision,
    },
    /// The revision is not kept, or was never there.
    #[error(
        "revision {revision} of the tool '{name}' is not kept; dynamic.tool.history shows those that are"
    )]
    NoRevision {
        /// The tool.
        name: ToolName,
        /// The revision asked for.
        revision: Revision,
    },
    /// `MCP_DYNAMIC_TEST_ON_WRITE`.
    #[error(
        "{failed} of the tool's {total} examples failed, and this server keeps no such tool; {first}"
    )]
    ExamplesFailed {
        /// How many failed.
        failed: usize,
        /// How many there are.
        total: usize,
        /// What was wrong with the first.
        first: String,
    },
    /// An answer larger than a client could take.
    #[error("{0}")]
    AnswerTooLarge(String),
    /// `MCP_DYNAMIC_MAX_TOOLS`.
    #[error(
        "the limit of {max} tools is reached; delete one first, or have the operator raise MCP_DYNAMIC_MAX_TOOLS"
    )]
    LimitReached {
        /// The limit.
        max: usize,
    },
    /// Not allowed here, or not without the admin token.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The guard.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other servers.
    #[error(transparent)]
    Upstream(#[from] UpstreamsError),
    /// What the code came to.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl AppError {
    /// Arguments that don't fit, in words.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::InvalidInput { message: message.into(), details: None }
    }

    /// An argument that breaks a rule which definitions have too.
    pub(super) fn argument(rule: impl Into<InvalidTool>) -> Self {
        Self::invalid_input(rule.into().to_string())
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput { .. } => ErrorCode::InvalidInput,
            Self::InvalidTool(InvalidTool::Permission(PermissionError::BeyondCeiling(_))) => {
                ErrorCode::PermissionDenied
            }
            Self::InvalidTool(_) | Self::Syntax(_) | Self::ExamplesFailed { .. } => {
                ErrorCode::InvalidTool
            }
            Self::NotFound(_) | Self::Disabled(_) | Self::NoRevision { .. } => ErrorCode::NotFound,
            Self::AnswerTooLarge(_) => ErrorCode::OutputTooLarge,
            Self::AlreadyExists(_) | Self::SpellingTaken { .. } => ErrorCode::AlreadyExists,
            Self::Conflict(_) | Self::Gone { .. } => ErrorCode::RevisionConflict,
            Self::LimitReached { .. } => ErrorCode::LimitReached,
            Self::Refused(Refusal::ReadOnly) => ErrorCode::ReadOnly,
            Self::Refused(Refusal::AdminRequired | Refusal::NoAdmin) => ErrorCode::Unauthorized,
            Self::Rejected(rejection) => rejection.code(),
            Self::Engine(EngineError::Unavailable { .. }) => ErrorCode::EngineUnavailable,
            Self::Store(StoreError::Unavailable { .. }) => ErrorCode::StoreUnavailable,
            Self::Store(StoreError::Corrupt { .. }) => ErrorCode::StoreCorrupt,
            Self::Engine(EngineError::Internal(_)) | Self::Store(_) => ErrorCode::Internal,
            Self::Upstream(error) => error.code(),
            Self::Failed(failure) => failure.code,
        }
    }

    /// For the caller.
    pub fn public_message(&self) -> String {
        match self {
            Self::Engine(EngineError::Internal(_)) => {
                "the sandbox engine failed; the server's log says why".to_owned()
            }
            Self::Failed(Failure { message, location: Some(at), .. }) => {
                format!("{message} (line {}, column {})", at.line, at.column)
            }
            other => other.to_string(),
        }
    }

    /// Whether the same call may succeed later without being changed.
    pub fn retryable(&self) -> bool {
        self.code().retryable()
    }

    /// What a program can use: numbers that the message says in words.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::InvalidInput { details, .. } => details.clone(),
            Self::Syntax(SyntaxError { location, .. }) => {
                Some(json!({ "line": location.line, "column": location.column }))
            }
            Self::Conflict(conflict) => Some(json!({
                "expected": conflict.expected,
                "actual": conflict.actual,
            })),
            Self::Gone { expected, .. } => Some(json!({ "expected": expected, "actual": null })),
            Self::LimitReached { max } => Some(json!({ "max": max })),
            Self::Upstream(error) => error.details(),
            Self::Rejected(rejection) => {
                let ms = millis(rejection.retry_after);
                Some(json!({ "retryAfterMs": ms.max(1) }))
            }
            Self::Failed(Failure { details, location, .. }) => {
                let mut object = match details {
                    Some(Value::Object(map)) => map.clone(),
                    _ => serde_json::Map::new(),
                };
                if let Some(at) = location {
                    object.insert("line".to_owned(), at.line.into());
                    object.insert("column".to_owned(), at.column.into());
                }
                (!object.is_empty()).then_some(Value::Object(object))
            }
            _ => None,
        }
    }
}
