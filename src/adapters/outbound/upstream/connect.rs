//! Connecting: a transport, then the agreement on a revision of the protocol.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmcp::RoleClient;
use rmcp::model::ProtocolVersion;
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, RunningService,
};
use rmcp::transport::Transport;
use tokio_util::task::TaskTracker;

use super::fault::{self, Redactor};
use super::handler::Handler;
use super::http;
use super::program::Program;
use super::session::Session;
use super::tap::Tap;
use crate::domain::network::PrivateHosts;
use crate::domain::upstream::UpstreamSpec;
use crate::ports::{UpstreamClient, UpstreamError, UpstreamSession};

/// How servers are spoken to.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// What this server calls itself.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Hosts that may be reached although their addresses are not public.
    pub private_hosts: PrivateHosts,
    /// Largest message, in bytes.
    pub max_message_bytes: usize,
    /// Longest time until a connection is there, the start of a program included.
    pub connect_timeout: Duration,
    /// Longest wait for a list of tools.
    pub list_timeout: Duration,
    /// How long a program may take to end by itself when it is no longer needed.
    pub end_grace: Duration,
}

impl ClientOptions {
    /// With the usual times.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            private_hosts: PrivateHosts::default(),
            max_message_bytes: 4 << 20,
            connect_timeout: Duration::from_secs(25),
            list_timeout: Duration::from_secs(20),
            end_grace: Duration::from_secs(1),
        }
    }
}

/// Connects to servers.
pub struct McpClient {
    options: ClientOptions,
    tasks: TaskTracker,
}

impl McpClient {
    /// What runs in the background runs on `tasks`, until its session is closed.
    pub const fn new(options: ClientOptions, tasks: TaskTracker) -> Self {
        Self { options, tasks }
    }

    async fn open(
        &self,
        spec: &UpstreamSpec,
        redactor: &Redactor,
    ) -> Result<Session, UpstreamError> {
        let handler = Handler::new(self.options.name, self.options.version);
        let events = handler.events();
        let (running, program) = match spec {
            UpstreamSpec::Stdio(spec) => {
                let (program, transport) =
                    Program::start(spec, &self.options, redactor.clone(), &self.tasks)?;
                let shaken = shake_hands(handler, Tap::new(transport, events.calls.clone())).await;
                if shaken.is_err()
                    && let Some(how) = program.ended().await
                {
                    let message = format!("the program ended before it spoke MCP ({how})");
                    return Err(UpstreamError::Unavailable(message));
                }
                (shaken, Some(program))
            }
            UpstreamSpec::Http(spec) => {
                let transport = http::transport(spec, &self.options)?;
                (shake_hands(handler, Tap::new(transport, events.calls.clone())).await, None)
            }
        };
        let running = running.map_err(|error| fault::of_start(&error, redactor))?;
        Ok(Session::new(
            running,
            program,
            events,
            redactor.clone(),
            self.options.list_timeout,
            &self.tasks,
        ))
    }
}

#[async_trait]
impl UpstreamClient for McpClient {
    async fn connect(
        &self,
        spec: &UpstreamSpec,
    ) -> Result<Arc<dyn UpstreamSession>, UpstreamError> {
        let redactor = Redactor::over(spec);
        let limit = self.options.connect_timeout;
        match tokio::time::timeout(limit, self.open(spec, &redactor)).await {
            Ok(session) => session.map(|session| Arc::new(session) as Arc<dyn UpstreamSession>),
            Err(_) => Err(fault::too_slow(limit)),
        }
    }
}

/// The newest revision where the server has it, else the newest one with sessions.
async fn shake_hands<T>(
    handler: Handler,
    transport: T,
) -> Result<RunningService<RoleClient, Handler>, ClientInitializeError>
where
    T: Transport<RoleClient> + 'static,
{
    let lifecycle = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    };
    // On the heap: the SDK's future is large.
    Box::pin(handler.serve_with_lifecycle(transport, lifecycle)).await
}
