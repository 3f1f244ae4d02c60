//! What of the configuration anybody may see: a type of its own, into which no secret has a way.

use schemars::JsonSchema;
use serde::Serialize;

use super::Engines;
use super::config::{Backend, Config, Transport};
use crate::domain::text::millis;
use crate::domain::tool::EngineChoice;

/// The configuration that the server runs with, without secrets, addresses and paths.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeConfig {
    /// The transports that this server offers: stdio or http.
    transports: Vec<&'static str>,
    /// The registry of tools.
    dynamic: Dynamic,
    /// Who may attach.
    auth: Auth,
    /// The execution guard.
    security: Security,
    /// The sandbox.
    sandbox: Sandbox,
    /// The audit log.
    audit: Audit,
    /// What may change in later versions.
    experimental: Experimental,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Dynamic {
    /// Where tools are kept: file or postgres.
    backend: &'static str,
    /// Most tools, 1 to 10,000.
    max_tools: usize,
    /// Revisions kept of each tool, 1 to 1,000.
    history: usize,
    /// Whether every change is refused.
    read_only: bool,
    /// Whether a create or update whose examples fail is refused.
    test_on_write: bool,
    /// Whether inspecting and changing tools needs the admin token.
    require_admin_token: bool,
    /// Whether there is an admin token.
    admin_token_configured: bool,
    /// PostgreSQL's schema; only with postgres.
    #[serde(skip_serializing_if = "Option::is_none")]
    postgres_schema: Option<String>,
    /// How often the first connection is tried; only with postgres.
    #[serde(skip_serializing_if = "Option::is_none")]
    postgres_init_max_attempts: Option<u32>,
    /// The wait between those attempts, in milliseconds; only with postgres.
    #[serde(skip_serializing_if = "Option::is_none")]
    postgres_init_backoff_ms: Option<u64>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Auth {
    /// How callers are authenticated: none or jwt.
    mode: &'static str,
    /// Whether access tokens are judged.
    jwt_configured: bool,
    /// The scopes that an access token must have.
    required_scopes: Vec<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
struct Security {
    /// Most calls at once over all tools, 1 to 10,000.
    tool_max_concurrency: u32,
    /// Most calls of one tool in a window, 1 to 1,000,000.
    tool_max_calls_per_window: u32,
    /// The window, in milliseconds.
    tool_rate_window_ms: u64,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sandbox {
    /// The engine as configured: auto, docker or embedded.
    execution_engine: &'static str,
    /// The engine that runs a tool which asks for none: docker or embedded.
    execution_engine_resolved: &'static str,
    /// Memory of a container, as 512m.
    memory_limit: String,
    /// CPUs of a container, as 0.5.
    cpu_limit: String,
    /// Memory of a call in the embedded engine, as 128m.
    embedded_memory: String,
    /// Most npm packages of a tool.
    max_dependencies: usize,
    /// Largest result of a call, in bytes of JSON.
    max_output_bytes: usize,
    /// Longest timeoutMs of a tool, in milliseconds.
    max_timeout_ms: u32,
    /// How long a sandbox session may be idle, in seconds.
    session_timeout_seconds: u64,
    /// Most sandbox sessions at once.
    max_sessions: usize,
    /// How many images are allowed; 0: all.
    allowed_images_count: usize,
    /// How many npm packages are blocked.
    blocked_packages_count: usize,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Audit {
    /// Whether events are written down.
    enabled: bool,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Experimental {
    /// Whether other MCP servers can be attached.
    upstream_mcp_attach: bool,
    /// Most attached servers, 1 to 256.
    upstream_mcp_attach_max: usize,
}

impl RuntimeConfig {
    /// What of `config` may be seen. The engine is resolved when it is asked for.
    pub fn of(config: &Config) -> Self {
        let Config { server, store, sandbox, guard, auth, audit, upstream, .. } = config;
        let postgres = match &store.backend {
            Backend::Postgres(postgres) => Some(postgres),
            Backend::File(_) => None,
        };
        Self {
            transports: vec![match server.transport {
                Transport::Stdio => "stdio",
                Transport::Http => "http",
            }],
            dynamic: Dynamic {
                backend: if postgres.is_some() { "postgres" } else { "file" },
                max_tools: store.max_tools,
                history: store.history,
                read_only: store.read_only,
                test_on_write: store.test_on_write,
                require_admin_token: config.access_policy().admin_required,
                admin_token_configured: auth.admin_token.is_some(),
                postgres_schema: postgres.map(|postgres| postgres.schema.clone()),
                postgres_init_max_attempts: postgres.map(|postgres| postgres.init_max_attempts),
                postgres_init_backoff_ms: postgres.map(|postgres| millis(postgres.init_backoff)),
            },
            auth: Auth {
                mode: if auth.jwt.is_some() { "jwt" } else { "none" },
                jwt_configured: auth.jwt.is_some(),
                required_scopes: auth
                    .jwt
                    .as_ref()
                    .map(|jwt| jwt.required_scopes.clone())
                    .unwrap_or_default(),
            },
            security: Security {
                tool_max_concurrency: guard.max_concurrency,
                tool_max_calls_per_window: guard.max_calls_per_window,
                tool_rate_window_ms: millis(guard.window),
            },
            sandbox: Sandbox {
                execution_engine: sandbox.engine.as_str(),
                execution_engine_resolved: sandbox.engine.as_str(),
                memory_limit: sandbox.container_memory.to_string(),
                cpu_limit: (f64::from(sandbox.container_millicpus) / 1000.0).to_string(),
                embedded_memory: sandbox.embedded_memory.to_string(),
                max_dependencies: sandbox.max_dependencies,
                max_output_bytes: sandbox.max_output_bytes,
                max_timeout_ms: sandbox.max_timeout_ms,
                session_timeout_seconds: sandbox.session_timeout.as_secs(),
                max_sessions: sandbox.max_sessions,
                allowed_images_count: sandbox.images.as_slice().len(),
                blocked_packages_count: sandbox.blocked_packages.len(),
            },
            audit: Audit { enabled: audit.enabled },
            experimental: Experimental {
                upstream_mcp_attach: upstream.attach,
                upstream_mcp_attach_max: upstream.max,
            },
        }
    }

    /// With the engine as it is resolved just now: a Docker daemon may come and go.
    pub(super) fn resolved(&self, engines: &Engines) -> Self {
        let mut config = self.clone();
        config.sandbox.execution_engine_resolved =
            engines.resolve(EngineChoice::Auto, false).as_str();
        config
    }
}
