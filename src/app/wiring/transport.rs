//! Which transport.

#[cfg(feature = "http")]
use std::net::SocketAddr;

use super::{Assembled, WiringError};
#[cfg(feature = "http")]
use crate::adapters::inbound::http::TlsFiles;
use crate::adapters::inbound::mcp::{McpOptions, McpServer};
#[cfg(feature = "stdio")]
use crate::app::Lifecycle;
#[cfg(not(all(feature = "stdio", feature = "http")))]
use crate::app::config::ConfigError;
#[cfg(feature = "http")]
use crate::app::config::http::TlsPaths;
use crate::app::config::{Config, Transport as Kind};

/// A transport in front of the use cases, ready to serve.
pub enum Transport {
    /// On stdin and stdout.
    #[cfg(feature = "stdio")]
    Stdio(Box<McpServer>, Lifecycle),
    /// Bound to its address.
    #[cfg(feature = "http")]
    Http(Box<crate::adapters::inbound::http::HttpServer>),
}

impl Transport {
    #[cfg_attr(
        not(feature = "http"),
        expect(clippy::unused_async, reason = "binding an address waits")
    )]
    pub(super) async fn open(server: &Assembled, config: &Config) -> Result<Self, WiringError> {
        match config.server.transport {
            #[cfg(feature = "stdio")]
            Kind::Stdio => {
                let face =
                    McpServer::new(server.app.clone(), face(config), server.lifecycle.clone());
                Ok(Self::Stdio(Box::new(face), server.lifecycle.clone()))
            }
            #[cfg(not(feature = "stdio"))]
            Kind::Stdio => Err(not_compiled("stdio")),
            #[cfg(feature = "http")]
            Kind::Http => http(server, config).await,
            #[cfg(not(feature = "http"))]
            Kind::Http => Err(not_compiled("http")),
        }
    }

    /// The address that HTTP is bound to.
    #[cfg(feature = "http")]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Http(server) => Some(server.local_addr()),
            #[cfg(feature = "stdio")]
            Self::Stdio(..) => None,
        }
    }

    /// Serves until the client goes away or the server's life ends.
    pub async fn serve(self) -> Result<(), WiringError> {
        match self {
            #[cfg(feature = "stdio")]
            Self::Stdio(server, lifecycle) => {
                let served = crate::adapters::inbound::stdio::serve(&server, &lifecycle).await;
                served.map_err(|error| WiringError::start(&error))
            }
            #[cfg(feature = "http")]
            Self::Http(server) => {
                server.serve().await;
                Ok(())
            }
        }
    }
}

fn face(config: &Config) -> McpOptions {
    let (profile, name_style) = (config.server.profile, config.server.name_style);
    McpOptions { profile, name_style }
}

/// How often the files of the certificate are looked at for a change.
#[cfg(feature = "http")]
const CERTIFICATE_RELOAD: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(feature = "http")]
pub(super) fn tls_files(paths: TlsPaths) -> TlsFiles {
    let TlsPaths { certificate, key } = paths;
    TlsFiles { certificate, key, reload: CERTIFICATE_RELOAD }
}

#[cfg(feature = "http")]
async fn http(server: &Assembled, config: &Config) -> Result<Transport, WiringError> {
    use std::io::ErrorKind;
    use std::sync::Arc;

    use crate::adapters::inbound::http::{
        self, BindError, Check, HttpOptions, HttpParts, HttpServer,
    };
    use crate::adapters::inbound::mcp::Extractors;
    use crate::adapters::outbound::clock::RandomIds;

    let settings = config.http.clone();
    let options = HttpOptions {
        host: settings.host,
        port: settings.port,
        path: settings.path,
        allowed_hosts: settings.allowed_hosts,
        allowed_origins: settings.allowed_origins,
        public_url: settings.public_url,
        tls: settings.tls.map(tls_files),
        max_request_bytes: settings.max_request_bytes,
        max_sessions: settings.max_sessions,
        session_ttl: settings.session_ttl,
        ..HttpOptions::default()
    };
    let extractors =
        Extractors { caller: http::caller, log_level: http::log_level, trace: http::trace };
    let face = McpServer::on_transport(
        server.app.clone(),
        face(config),
        server.lifecycle.clone(),
        extractors,
    );
    let catalog = Arc::clone(&server.app.catalog);
    let (audit, audited) = (Arc::clone(&server.app.audit), config.audit.enabled);
    let access = super::auth::access(config, &server.lifecycle, &face)?;
    let verifier = access.as_ref().map(|access| Arc::clone(&access.verifier));
    let parts = HttpParts {
        ids: Arc::new(RandomIds),
        metrics: Arc::clone(&server.measurements.http),
        audit: Arc::clone(&server.app.audit),
        access,
        readiness: Arc::new(move || {
            let (catalog, verifier) = (Arc::clone(&catalog), verifier.clone());
            let audit_problem = audit.problem();
            Box::pin(async move {
                let problem = catalog.health().await.err().map(|error| error.to_string());
                let mut checks = vec![Check::new("store", problem)];
                if let Some(verifier) = verifier {
                    checks.push(Check::new("auth", verifier.problem()));
                }
                if audited {
                    // The server does its work all the same.
                    checks.push(Check { stops: false, ..Check::new("audit", audit_problem) });
                }
                checks
            })
        }),
        session_store: server.session_store.clone(),
        mailbox: server.mailbox.clone(),
        lifecycle: server.lifecycle.clone(),
    };
    HttpServer::bind(options, move || face.session(), parts)
        .await
        .map(|server| Transport::Http(Box::new(server)))
        .map_err(|error| match &error {
            BindError::Listen { source, .. } if source.kind() == ErrorKind::AddrInUse => {
                WiringError::AddressInUse(WiringError::sentence(&error))
            }
            _ => WiringError::start(&error),
        })
}

#[cfg(not(all(feature = "stdio", feature = "http")))]
fn not_compiled(transport: &'static str) -> WiringError {
    let asked = format!("MCP_TRANSPORT={transport}");
    ConfigError::NotCompiled { asked, feature: transport }.into()
}
