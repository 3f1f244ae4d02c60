//! How the embedded engine is set up.

use std::path::PathBuf;

pub use super::pool::Spares;

/// Everything that the engine can be told.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// The program that [`dispatch`](super::worker::dispatch)es worker processes: this very one
    /// (`/proc/self/exe` on Linux), or, in a test, the built binary.
    pub worker: PathBuf,
    /// Memory of the interpreter, in bytes (`MCP_SANDBOX_EMBEDDED_MEMORY`).
    pub memory_bytes: usize,
    /// Runs code even where the essential layer of the sandbox is missing (`MCP_SANDBOX_ALLOW_WEAK`).
    pub allow_weak: bool,
    /// Refuses to run code where the process can't have namespaces of its own.
    pub require_namespaces: bool,
    /// Where workers come from.
    pub mode: WorkerMode,
    /// How many workers to keep ready.
    pub spares: Spares,
    /// Workers that one fork server makes: they share its address layout, so that it is replaced by a new one
    /// after so many, and after ten minutes in which it made any.
    pub forks_per_server: u64,
}

/// Where workers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerMode {
    /// The fork server on Linux, else processes started for one call each.
    Auto,
    /// A fork server; elsewhere than on Linux, the engine is not available.
    ForkServer,
    /// Processes started for one call each.
    ExecPool,
}

impl EmbeddedConfig {
    /// Defaults: 128 MiB, the essential layer required, workers as the system allows.
    pub fn new(worker: impl Into<PathBuf>) -> Self {
        Self {
            worker: worker.into(),
            memory_bytes: 128 << 20,
            allow_weak: false,
            require_namespaces: false,
            mode: WorkerMode::Auto,
            spares: Spares::default(),
            forks_per_server: 10_000,
        }
    }
}
