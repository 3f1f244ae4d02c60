//! The closed list of error codes that a client can meet.

use serde::{Deserialize, Serialize};

/// Why something was refused or failed. The wire form is the `snake_case` name, and it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// An argument is missing, of the wrong type, or out of range.
    InvalidInput,
    /// A tool definition breaks a rule: grammar, limit, schema or syntax.
    InvalidTool,
    /// No such tool, revision or session (or not for this caller).
    NotFound,
    /// The name, or its client-safe spelling, is taken.
    AlreadyExists,
    /// `expectedRevision` is not the newest one.
    RevisionConflict,
    /// A configured maximum is reached, such as `MCP_DYNAMIC_MAX_TOOLS`.
    LimitReached,
    /// The server was started read-only.
    ReadOnly,
    /// The admin token or bearer token is missing or wrong.
    Unauthorized,
    /// The caller is known but may not do this.
    Forbidden,
    /// Too many calls in the window; says when to retry.
    RateLimited,
    /// Too many calls at once; says when to retry.
    TooBusy,
    /// The call ran longer than its `timeoutMs`.
    Timeout,
    /// The tool's own code threw, or could not be parsed.
    ToolError,
    /// The value returned does not match the tool's `outputSchema`.
    InvalidOutput,
    /// The value returned is larger than `MCP_SANDBOX_MAX_OUTPUT_BYTES`.
    OutputTooLarge,
    /// The engine that the tool needs is not there.
    EngineUnavailable,
    /// The sandbox ended without a result.
    SandboxCrashed,
    /// The code tried what the sandbox forbids: a system call or a forged frame.
    SandboxViolation,
    /// The call used more memory than its limit.
    MemoryExceeded,
    /// The code's promise can never settle: nothing is pending that could do it.
    NeverSettled,
    /// The code asked the host for something that it was not granted.
    PermissionDenied,
    /// An npm dependency could not be installed.
    DependencyFailed,
    /// The caller cancelled, or the server is shutting down.
    Cancelled,
    /// The store can't be reached or written just now.
    StoreUnavailable,
    /// What the store holds can't be read, or fails its digest.
    StoreCorrupt,
    /// A defect of the server.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 26] = [
        Self::InvalidInput,
        Self::InvalidTool,
        Self::NotFound,
        Self::AlreadyExists,
        Self::RevisionConflict,
        Self::LimitReached,
        Self::ReadOnly,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RateLimited,
        Self::TooBusy,
        Self::Timeout,
        Self::ToolError,
        Self::InvalidOutput,
        Self::OutputTooLarge,
        Self::EngineUnavailable,
        Self::SandboxCrashed,
        Self::SandboxViolation,
        Self::MemoryExceeded,
        Self::NeverSettled,
        Self::PermissionDenied,
        Self::DependencyFailed,
        Self::Cancelled,
        Self::StoreUnavailable,
        Self::StoreCorrupt,
        Self::Internal,
    ];

    /// The stable wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::InvalidTool => "invalid_tool",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::RevisionConflict => "revision_conflict",
            Self::LimitReached => "limit_reached",
            Self::ReadOnly => "read_only",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::TooBusy => "too_busy",
            Self::Timeout => "timeout",
            Self::ToolError => "tool_error",
            Self::InvalidOutput => "invalid_output",
            Self::OutputTooLarge => "output_too_large",
            Self::EngineUnavailable => "engine_unavailable",
            Self::SandboxCrashed => "sandbox_crashed",
            Self::SandboxViolation => "sandbox_violation",
            Self::MemoryExceeded => "memory_exceeded",
            Self::NeverSettled => "never_settled",
            Self::PermissionDenied => "permission_denied",
            Self::DependencyFailed => "dependency_failed",
            Self::Cancelled => "cancelled",
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreCorrupt => "store_corrupt",
            Self::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later without being changed.
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::TooBusy
                | Self::Timeout
                | Self::EngineUnavailable
                | Self::SandboxCrashed
                | Self::StoreUnavailable
        )
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn the_wire_name_is_what_serde_writes() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
