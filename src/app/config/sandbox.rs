//! The sandbox: which engine runs the code, and what the code may use.

use std::collections::BTreeSet;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Item, Kind, Setting};
use super::value::Memory;
use super::values::Values;
use crate::domain::image::{AllowedImages, ContainerImage};
use crate::domain::tool::permissions::Origin as GrantOrigin;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `MCP_EXECUTION_ENGINE`.
pub static ENGINE: Setting = Setting::word(
    "MCP_EXECUTION_ENGINE",
    &["auto", "embedded", "docker"],
    "What runs the code of tools. `auto`: docker where a daemon answers, else embedded",
)
.or("auto");
/// `MCP_SANDBOX_ALLOW_WEAK`.
pub static ALLOW_WEAK: Setting = Setting::switch(
    "MCP_SANDBOX_ALLOW_WEAK",
    "Start although this machine can't lock the sandbox down as far as it should be",
)
.or("false");
/// `MCP_SANDBOX_EMBEDDED_MEMORY`.
pub static EMBEDDED_MEMORY: Setting = Setting::of(
    "MCP_SANDBOX_EMBEDDED_MEMORY",
    Kind::Memory { min: 16 * MIB, max: 4 * GIB },
    "Memory of a call in the embedded engine",
)
.or("128m");
/// `MCP_SANDBOX_MEMORY_LIMIT`.
pub static MEMORY_LIMIT: Setting = Setting::of(
    "MCP_SANDBOX_MEMORY_LIMIT",
    Kind::Memory { min: 6 * MIB, max: 1024 * GIB },
    "Memory of a container",
)
.flagged("sandbox-memory")
.or("512m");
/// `MCP_SANDBOX_CPU_LIMIT`.
pub static CPU_LIMIT: Setting = Setting::of(
    "MCP_SANDBOX_CPU_LIMIT",
    Kind::Decimal { min: 10, max: 1_024_000 },
    "CPUs of a container",
)
.flagged("sandbox-cpu")
.or("1");
/// `MCP_SANDBOX_MAX_TIMEOUT_MS`.
pub static MAX_TIMEOUT: Setting = Setting::integer(
    "MCP_SANDBOX_MAX_TIMEOUT_MS",
    1000,
    300_000,
    "Longest `timeoutMs` that a tool may have, in milliseconds",
)
.or("120000");
/// `MCP_SANDBOX_MAX_OUTPUT_BYTES`.
pub static MAX_OUTPUT: Setting = Setting::integer(
    "MCP_SANDBOX_MAX_OUTPUT_BYTES",
    1,
    10_000_000,
    "Largest result of a call, in bytes of JSON",
)
.or("200000");
/// `MCP_SANDBOX_MAX_LOG_BYTES`.
pub static MAX_LOG: Setting = Setting::integer(
    "MCP_SANDBOX_MAX_LOG_BYTES",
    0,
    10_000_000,
    "Most bytes of logs of a call; the rest is counted and dropped",
)
.or("65536");
/// `MCP_SANDBOX_MAX_HOST_CALLS`.
pub static MAX_HOST_CALLS: Setting = Setting::integer(
    "MCP_SANDBOX_MAX_HOST_CALLS",
    0,
    1_000_000,
    "Most requests of a call to the host: `ctx.progress`, `fetch` and the like",
)
.or("1000");
/// `MCP_TOOL_MAX_DEPTH`.
pub static MAX_DEPTH: Setting =
    Setting::integer("MCP_TOOL_MAX_DEPTH", 1, 64, "How deep tools may call each other").or("8");
/// `MCP_SANDBOX_ALLOWED_HOSTS`.
pub static ALLOWED_HOSTS: Setting = Setting::list(
    "MCP_SANDBOX_ALLOWED_HOSTS",
    Item::GrantOrigin,
    "Origins that tools may be granted to reach; a tool that asks for more is refused",
)
.or_note("none");
/// `MCP_SANDBOX_SECRETS_FILE`.
pub static SECRETS_FILE: Setting = Setting::of(
    "MCP_SANDBOX_SECRETS_FILE",
    Kind::File,
    "A file with secrets that tools may be granted; a single one is set by `MCP_SECRET_<NAME>`",
)
.or_note("none");
/// `MCP_SANDBOX_ALLOWED_IMAGES`.
pub static ALLOWED_IMAGES: Setting = Setting::list(
    "MCP_SANDBOX_ALLOWED_IMAGES",
    Item::Image,
    "Container images that tools may run in; the first one is the default; empty: all",
)
.or(AllowedImages::DEFAULT);
/// `MCP_SANDBOX_MAX_DEPENDENCIES`.
pub static MAX_DEPENDENCIES: Setting = Setting::integer(
    "MCP_SANDBOX_MAX_DEPENDENCIES",
    1,
    256,
    "Most npm dependencies of a tool; never more than 64 in one definition",
)
.or("32");
/// `MCP_SANDBOX_BLOCKED_PACKAGES`.
pub static BLOCKED_PACKAGES: Setting = Setting::list(
    "MCP_SANDBOX_BLOCKED_PACKAGES",
    Item::Text,
    "npm packages that are never installed; empty: none is blocked",
)
.or("child_process,node-pty,npm,pm2");
/// `MCP_SANDBOX_SESSION_TIMEOUT_SECONDS`.
pub static SESSION_TIMEOUT: Setting = Setting::integer(
    "MCP_SANDBOX_SESSION_TIMEOUT_SECONDS",
    1,
    172_800,
    "After how many idle seconds an interactive sandbox is removed",
)
.or("1800");
/// `MCP_SANDBOX_MAX_SESSIONS`.
pub static MAX_SESSIONS: Setting =
    Setting::integer("MCP_SANDBOX_MAX_SESSIONS", 1, 1000, "Most interactive sandboxes").or("20");
/// `MCP_SANDBOX_POOL_SIZE`.
pub static POOL_SIZE: Setting = Setting::integer(
    "MCP_SANDBOX_POOL_SIZE",
    0,
    64,
    "How many containers of each kind in use the docker engine keeps ready for the next calls; 0: none",
)
.or("2");
/// `MCP_SANDBOX_DOCKER_BIN`.
pub static DOCKER_BIN: Setting = Setting::of(
    "MCP_SANDBOX_DOCKER_BIN",
    Kind::File,
    "Accepted and ignored: Docker is spoken to directly, without its command",
)
.flagged("docker-bin")
.or_note("none");

pub(super) static SECTION: Section = Section {
    title: "Sandbox",
    about: "What runs the code of tools, and what the code may use.",
    settings: &[
        &ENGINE,
        &ALLOW_WEAK,
        &EMBEDDED_MEMORY,
        &MEMORY_LIMIT,
        &CPU_LIMIT,
        &MAX_TIMEOUT,
        &MAX_OUTPUT,
        &MAX_LOG,
        &MAX_HOST_CALLS,
        &MAX_DEPTH,
        &ALLOWED_HOSTS,
        &SECRETS_FILE,
        &ALLOWED_IMAGES,
        &MAX_DEPENDENCIES,
        &BLOCKED_PACKAGES,
        &SESSION_TIMEOUT,
        &MAX_SESSIONS,
        &POOL_SIZE,
        &DOCKER_BIN,
    ],
};

/// What runs the code of tools that leave it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Docker where a daemon answers, else embedded.
    Auto,
    /// The embedded engine.
    Embedded,
    /// Docker.
    Docker,
}

impl Engine {
    /// The configuration value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Docker => "docker",
        }
    }
}

/// The sandbox.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// `MCP_EXECUTION_ENGINE`.
    pub engine: Engine,
    /// `MCP_SANDBOX_ALLOW_WEAK`.
    pub allow_weak: bool,
    /// `MCP_SANDBOX_EMBEDDED_MEMORY`, 16m to 4g.
    pub embedded_memory: Memory,
    /// `MCP_SANDBOX_MEMORY_LIMIT`, for containers.
    pub container_memory: Memory,
    /// `MCP_SANDBOX_CPU_LIMIT`, for containers, in thousandths of a CPU.
    pub container_millicpus: u32,
    /// `MCP_SANDBOX_MAX_TIMEOUT_MS`, 1,000 to 300,000.
    pub max_timeout_ms: u32,
    /// `MCP_SANDBOX_MAX_OUTPUT_BYTES`, 1 to 10,000,000.
    pub max_output_bytes: usize,
    /// `MCP_SANDBOX_MAX_LOG_BYTES`, 0 to 10,000,000.
    pub max_log_bytes: usize,
    /// `MCP_SANDBOX_MAX_HOST_CALLS`, 0 to 1,000,000.
    pub max_host_calls: u32,
    /// `MCP_TOOL_MAX_DEPTH`, 1 to 64.
    pub max_depth: u32,
    /// `MCP_SANDBOX_ALLOWED_HOSTS`.
    pub allowed_hosts: Vec<GrantOrigin>,
    /// The names of the secrets that exist (`MCP_SECRET_<NAME>`).
    pub secrets: BTreeSet<String>,
    /// `MCP_SANDBOX_ALLOWED_IMAGES`.
    pub images: AllowedImages,
    /// `MCP_SANDBOX_MAX_DEPENDENCIES`, 1 to 256.
    pub max_dependencies: usize,
    /// `MCP_SANDBOX_BLOCKED_PACKAGES`.
    pub blocked_packages: BTreeSet<String>,
    /// `MCP_SANDBOX_SESSION_TIMEOUT_SECONDS`, 1 s to 2 days.
    pub session_timeout: std::time::Duration,
    /// `MCP_SANDBOX_MAX_SESSIONS`, 1 to 1,000.
    pub max_sessions: usize,
    /// `MCP_SANDBOX_POOL_SIZE`, 0 to 64.
    pub pool_size: usize,
}

impl Sandbox {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        // Both lists were checked entry by entry when they were read.
        let hosts = values.list(&ALLOWED_HOSTS)?;
        let images = values.list(&ALLOWED_IMAGES)?;
        Ok(Self {
            engine: match values.word(&ENGINE)? {
                "embedded" => Engine::Embedded,
                "docker" => Engine::Docker,
                _ => Engine::Auto,
            },
            allow_weak: values.switch(&ALLOW_WEAK, false)?,
            embedded_memory: values.memory(&EMBEDDED_MEMORY)?,
            container_memory: values.memory(&MEMORY_LIMIT)?,
            container_millicpus: values.number(&CPU_LIMIT)?,
            max_timeout_ms: values.number(&MAX_TIMEOUT)?,
            max_output_bytes: values.number(&MAX_OUTPUT)?,
            max_log_bytes: values.number(&MAX_LOG)?,
            max_host_calls: values.number(&MAX_HOST_CALLS)?,
            max_depth: values.number(&MAX_DEPTH)?,
            allowed_hosts: hosts.iter().filter_map(|host| GrantOrigin::parse(host).ok()).collect(),
            secrets: values.secret_names().clone(),
            images: AllowedImages::new(
                images.iter().filter_map(|image| ContainerImage::parse(image).ok()).collect(),
            ),
            max_dependencies: values.number(&MAX_DEPENDENCIES)?,
            blocked_packages: values.list(&BLOCKED_PACKAGES)?.into_iter().collect(),
            session_timeout: values.seconds(&SESSION_TIMEOUT)?,
            max_sessions: values.number(&MAX_SESSIONS)?,
            pool_size: values.number(&POOL_SIZE)?,
        })
    }
}
