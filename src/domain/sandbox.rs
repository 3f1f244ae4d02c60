//! Interactive sandboxes: their names, and what runs in them.

use std::sync::Arc;
use std::time::Duration;

use super::tool::Dependency;

/// Most commands of one request.
pub const MAX_COMMANDS: usize = 20;
/// Longest command, in characters.
pub const MAX_COMMAND_CHARS: usize = 16_384;
/// The exit code of what ran over its time, as `timeout(1)` has it.
pub const TIMED_OUT: i64 = 124;

/// The name of a session: `mcp-sbx-` and a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SandboxId(Arc<str>);

impl SandboxId {
    /// From a UUID that no other session has.
    pub fn new(uuid: &str) -> Self {
        Self(format!("mcp-sbx-{uuid}").into())
    }

    /// As clients see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SandboxId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is to be run in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A command for the shell.
    Shell(String),
    /// An ECMAScript module for Node.
    JavaScript {
        /// Its text.
        code: String,
        /// npm packages that it may import.
        dependencies: Vec<Dependency>,
    },
}

/// What one program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramLimits {
    /// Wall clock.
    pub timeout: Duration,
    /// Most bytes of each of its two outputs that are kept.
    pub output_bytes: usize,
}

/// What a program came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOutput {
    /// Its standard output; where it was cut, a line at its end says so.
    pub stdout: String,
    /// Its standard error, in the same way.
    pub stderr: String,
    /// Its exit code; [`TIMED_OUT`] where it was killed for its time.
    pub exit_code: i64,
    /// How long it ran.
    pub duration: Duration,
    /// Whether it was killed because it ran over its time.
    pub timed_out: bool,
}
