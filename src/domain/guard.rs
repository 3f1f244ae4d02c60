//! The execution guard's terms: limits, scopes, rejections and tallies.

use std::sync::Arc;
use std::time::Duration;

use super::code::ErrorCode;

/// How much may run. One set for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardLimits {
    /// Most calls at once over all scopes (`MCP_TOOL_MAX_CONCURRENCY`, 1 to 10,000, default 8).
    pub max_concurrency: u32,
    /// Most calls of one scope in a window (`MCP_TOOL_MAX_CALLS_PER_WINDOW`, 1 to 1,000,000, default 300).
    pub max_calls_per_window: u32,
    /// The window (`MCP_TOOL_RATE_WINDOW_MS`, 1 ms to 24 h, default 60 s).
    pub window: Duration,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { max_concurrency: 8, max_calls_per_window: 300, window: Duration::from_mins(1) }
    }
}

/// What is counted together: a built-in's name, or `dynamic.exec.<tool>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope of a built-in tool.
    pub fn builtin(name: &'static str) -> Self {
        Self(name.into())
    }

    /// The scope of a dynamic tool.
    pub fn dynamic(name: &crate::domain::tool::ToolName) -> Self {
        Self(format!("dynamic.exec.{name}").into())
    }

    /// As shown in metrics.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which limit refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// Too many calls of the scope in the window.
    Rate,
    /// Too many calls at once.
    Concurrency,
}

/// A call was refused at once; nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Rejection {
    /// Which limit.
    pub kind: RejectionKind,
    /// When the same call may succeed.
    pub retry_after: Duration,
}

impl Rejection {
    /// The code that clients see.
    pub const fn code(&self) -> ErrorCode {
        match self.kind {
            RejectionKind::Rate => ErrorCode::RateLimited,
            RejectionKind::Concurrency => ErrorCode::TooBusy,
        }
    }

    fn sentence(&self) -> String {
        let ms = self.retry_after.as_millis().max(1);
        match self.kind {
            RejectionKind::Rate => {
                format!("rate limit reached for this tool: retry in {ms} ms")
            }
            RejectionKind::Concurrency => {
                format!("too many calls are running: retry in about {ms} ms")
            }
        }
    }
}

/// What has happened in one scope since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeTally {
    /// Calls asked for.
    pub total: u64,
    /// Calls let in.
    pub allowed: u64,
    /// Calls refused by the rate limit.
    pub rejected_rate: u64,
    /// Calls refused by the concurrency limit.
    pub rejected_concurrency: u64,
    /// Calls let in that ended in an error.
    pub failed: u64,
}
