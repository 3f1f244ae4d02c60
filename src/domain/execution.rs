//! One run of code in a sandbox: what goes in, what comes out, and how it can fail.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::Caller;
use super::code::ErrorCode;
use super::image::ContainerImage;
use super::log_level::LogLevel;
use super::tool::{Dependency, DependencyLock, Revision, ToolName};

/// One run.
#[derive(Debug, Clone)]
pub struct Job {
    /// The tool, or `None` for code that is not stored.
    pub tool: Option<(ToolName, Revision)>,
    /// The body of `async function run(args, ctx)`.
    pub code: Arc<str>,
    /// `args`, as JSON text.
    pub args: String,
    /// Who calls.
    pub caller: Caller,
    /// npm packages (docker engine).
    pub dependencies: Arc<[Dependency]>,
    /// What they were resolved to, where that is known.
    pub lock: Option<DependencyLock>,
    /// The image (docker engine).
    pub image: ContainerImage,
    /// What the run may use.
    pub limits: Limits,
}

/// What one run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall clock.
    pub timeout: Duration,
    /// Largest result, in bytes of JSON (`MCP_SANDBOX_MAX_OUTPUT_BYTES`).
    pub output_bytes: usize,
    /// Most bytes of logs; the rest is counted and dropped (`MCP_SANDBOX_MAX_LOG_BYTES`).
    pub log_bytes: usize,
    /// Most requests to the host (`MCP_SANDBOX_MAX_HOST_CALLS`).
    pub host_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            output_bytes: 200_000,
            log_bytes: 65_536,
            host_calls: 1_000,
        }
    }
}

/// What a run came to, whatever its outcome.
#[derive(Debug)]
pub struct Completion {
    /// The value, or why there is none.
    pub outcome: Result<Returned, Failure>,
    /// What the code logged.
    pub logs: Logs,
}

/// What the code returned, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// Any JSON value.
    Value(String),
    /// `ctx.result({content, isError, structuredContent, _meta})`: an object of those fields.
    Rich(String),
}

/// Why a run has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure.
    pub code: ErrorCode,
    /// One or more sentences for the caller; holds nothing of the host's.
    pub message: String,
    /// Where in the tool's own code, where that is known.
    pub location: Option<Location>,
    /// Anything more that a program can use.
    pub details: Option<Value>,
}

impl Failure {
    /// A failure that has only a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), location: None, details: None }
    }
}

/// A place in a tool's code, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// What a run logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// Bytes passed on.
    pub bytes: usize,
    /// Bytes dropped because of the limit; more than 0 means that the logs are cut.
    pub dropped_bytes: u64,
}

/// One line of log from the code.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// How grave.
    pub level: LogLevel,
    /// What: a string, or any JSON value given to `ctx.log`.
    pub data: Value,
}

/// Progress of a run, as MCP defines it: `done` only ever grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How far.
    pub done: f64,
    /// Of how much.
    pub total: Option<f64>,
    /// In words.
    pub message: Option<String>,
}

/// What code asks of the host and waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct HostRequest {
    /// What kind.
    pub kind: HostRequestKind,
    /// Its argument, as the code gave it.
    pub body: Value,
}

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRequestKind {
    /// `fetch(url, init)`.
    Fetch,
    /// `ctx.secret(name)`.
    Secret,
    /// `ctx.tools.call(name, args)`.
    ToolCall,
    /// `ctx.tools.list()`.
    ToolList,
    /// `ctx.input({key: request})`.
    Input,
}

/// A syntax error found by an engine's parser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("syntax error at line {}, column {}: {message}", location.line, location.column)]
pub struct SyntaxError {
    /// The parser's message.
    pub message: String,
    /// Where, in the tool's own code.
    pub location: Location,
}
