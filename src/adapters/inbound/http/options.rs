//! What an operator can set about the HTTP transport.

use std::time::Duration;

use url::Url;

use super::tls::{TlsError, TlsFiles};

/// The HTTP transport's settings.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The name or address to listen on (`MCP_HOST`).
    pub host: String,
    /// The port to listen on (`MCP_PORT`); 0 takes a free one.
    pub port: u16,
    /// Where MCP is served (`MCP_PATH`): begins with a slash, then letters, digits and `-._~/`.
    pub path: String,
    /// Names or `name:port` that the header `Host` may carry (`MCP_HTTP_ALLOWED_HOSTS`); without a port,
    /// any port. See [`HttpServer`](super::HttpServer) for when the header is checked.
    pub allowed_hosts: Vec<String>,
    /// What the header `Origin` may carry (`MCP_HTTP_ALLOWED_ORIGINS`): `scheme://host[:port]`,
    /// `scheme://host:*` for any port, or `null`.
    pub allowed_origins: Vec<String>,
    /// Under which URL clients know this server (`MCP_PUBLIC_URL`).
    pub public_url: Option<Url>,
    /// The certificate; `None`: no TLS.
    pub tls: Option<TlsFiles>,
    /// Largest body of a request in bytes (`MCP_HTTP_MAX_REQUEST_BYTES`): 1 to 16 MiB, default 1 MiB.
    pub max_request_bytes: usize,
    /// Most sessions at once (`MCP_HTTP_MAX_SESSIONS`): 1 to 100,000, default 10,000.
    pub max_sessions: usize,
    /// After how long an idle session is closed (`MCP_HTTP_SESSION_TTL_SECONDS`): 1 s to 7 days, default
    /// 30 min. A session with an open stream or a running call is not idle.
    pub session_ttl: Duration,
    /// Most connections at once; the process's limit of open files may lower it. Default 32,768.
    pub max_connections: usize,
    /// How long a connection may take to send the head of its next request, idle time included. Default
    /// 60 s.
    pub header_timeout: Duration,
    /// How long a request may take to send its whole body. Default 60 s.
    pub body_timeout: Duration,
    /// How often an open stream carries a comment that keeps it alive. Default 15 s.
    pub sse_keep_alive: Duration,
}

impl HttpOptions {
    /// The largest [`max_request_bytes`](Self::max_request_bytes): 16 MiB.
    pub const MAX_REQUEST_BYTES_CEILING: usize = 16 * 1024 * 1024;
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8788,
            path: "/mcp".to_owned(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            public_url: None,
            tls: None,
            max_request_bytes: 1024 * 1024,
            max_sessions: 10_000,
            session_ttl: Duration::from_mins(30),
            max_connections: 32_768,
            header_timeout: Duration::from_mins(1),
            body_timeout: Duration::from_mins(1),
            sse_keep_alive: Duration::from_secs(15),
        }
    }
}

/// Why the server could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A setting is not usable.
    #[error("{setting} is {value:?}: {allowed}")]
    Setting {
        /// The variable's name.
        setting: &'static str,
        /// What it was.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address can't be listened on.
    #[error("can't listen on {host}:{port}: {source}; MCP_HOST and MCP_PORT give another address")]
    Listen {
        /// The host asked for.
        host: String,
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}
