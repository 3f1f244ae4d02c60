//! Listens, accepts, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use rmcp::ServerHandler;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bearer::{Access, Authenticator};
use super::body::Room;
use super::endpoint::Endpoint;
use super::envelope::RequestId;
use super::options::{BindError, HttpOptions};
use super::probes::Readiness;
use super::rebinding::Rebinding;
use super::refusal::Refusal;
use super::sessions::{SessionTable, Sessions, SharedSessions};
use super::state::Shared;
use super::tls::Tls;
use super::{capacity, connection, router};
use crate::app::Lifecycle;
use crate::ports::{AuditLog, HttpMetrics, Ids, Mailbox, SessionStore};

/// How long answers that are complete may take to leave once the server has stopped.
const LINGER: Duration = Duration::from_secs(1);

/// How long to wait after an accept that failed, usually for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the server needs from the rest of the program.
pub struct HttpParts {
    /// Makes request ids.
    pub ids: Arc<dyn Ids>,
    /// Takes the measurements and shows them at `/metrics`.
    pub metrics: Arc<dyn HttpMetrics>,
    /// Is told whose tokens were judged, and how.
    pub audit: Arc<dyn AuditLog>,
    /// Who is let in; `None`: everybody.
    pub access: Option<Access>,
    /// Is asked by `/readyz`.
    pub readiness: Readiness,
    /// Keeps sessions so that they outlive the process and move between replicas; without it they end with
    /// the process.
    pub session_store: Option<Arc<dyn SessionStore>>,
    /// Takes clients' answers to the replica that asked; without it they have to come there by themselves.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// Says when to end, and waits for what runs.
    pub lifecycle: Lifecycle,
}

/// An HTTP server that is bound to its address.
///
/// The header `Host` is checked where the address is a loopback one or the options name allowed hosts or a
/// public URL; the header `Origin` always, where a request has one.
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    sessions: Arc<Sessions>,
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
}

impl HttpServer {
    /// Binds the address. `handler` is asked for a handler for each session, and for each request without
    /// one, so that it had better be cheap.
    pub async fn bind<H: ServerHandler>(
        options: HttpOptions,
        handler: impl Fn() -> H + Send + Sync + 'static,
        parts: HttpParts,
    ) -> Result<Self, BindError> {
        let listen =
            |source| BindError::Listen { host: options.host.clone(), port: options.port, source };
        let tls = options.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        let listener =
            TcpListener::bind((options.host.as_str(), options.port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let rebinding = Rebinding::new(&options, address)?;
        if !rebinding.checks_host() {
            tracing::warn!(
                %address,
                "the header Host is not checked: set MCP_HTTP_ALLOWED_HOSTS or MCP_PUBLIC_URL"
            );
        }
        let table = Arc::new(SessionTable::new(options.max_sessions, Arc::clone(&parts.metrics)));
        let sessions = Arc::new(Sessions::new(
            Arc::clone(&table),
            Arc::clone(&parts.ids),
            parts.lifecycle.calls.clone(),
            parts.session_store.is_some(),
        ));
        let authenticator = parts.access.map(|access| {
            Authenticator::new(access, &options, Arc::clone(&parts.metrics), parts.audit)
        });
        let (ttl, mailbox) = (options.session_ttl, parts.mailbox);
        let fleet = parts.session_store.map(|store| {
            let table = Arc::clone(&table);
            Arc::new(SharedSessions::new(store, mailbox, table, ttl, &parts.lifecycle))
        });
        let shared = Arc::new(Shared {
            options,
            room: Room::new(),
            rebinding,
            authenticator,
            sessions: table,
            fleet,
            lifecycle: parts.lifecycle,
            over: CancellationToken::new(),
            ids: parts.ids,
            metrics: parts.metrics,
            readiness: parts.readiness,
        });
        let endpoint = Endpoint::new(handler, Arc::clone(&sessions), Arc::clone(&shared));
        let router = router::router(endpoint, &shared)?;
        Ok(Self { listener, address, router, sessions, shared, tls })
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The routes, for a program that serves them by its own means.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves until the lifecycle has stopped and the last connection is closed.
    ///
    /// While the lifecycle drains, running calls are finished, readiness says 503 and new calls are
    /// refused.
    pub async fn serve(self) {
        let Lifecycle { draining, stopped, tasks, .. } = self.shared.lifecycle.clone();
        let max_connections = capacity::connections(self.shared.options.max_connections);
        let places = Arc::new(Semaphore::new(max_connections));
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        tasks.spawn(self.sessions.reap(self.shared.options.session_ttl, stopped.clone()));
        if let Some(fleet) = &self.shared.fleet {
            tasks.spawn(Arc::clone(fleet).tend(stopped.clone()));
        }
        if let Some(tls) = &self.tls {
            tasks.spawn(Arc::clone(tls).tend(stopped.clone()));
        }
        tracing::info!(address = %self.address, max_connections, tls = self.tls.is_some(), "listening");
        while let Some(accepted) = stopped.run_until_cancelled(self.listener.accept()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                if self.tls.is_none() {
                    refuse(&stream, self.shared.ids.as_ref());
                }
                continue;
            };
            connection::tune(&stream);
            let (shared, router, cut) =
                (Arc::clone(&self.shared), self.router.clone(), cut.clone());
            let tls = self.tls.clone();
            tasks.spawn(connections.track_future(async move {
                handle(stream, tls, router, shared, cut).await;
                drop(place);
            }));
        }
        drop(self.listener);
        draining.cancel();
        // Calls that have been stopped just now are still answered.
        let calls = &self.shared.lifecycle.calls;
        calls.close();
        if tokio::time::timeout(LINGER, calls.wait()).await.is_err() {
            tracing::debug!("some answers could not be sent");
        }
        self.shared.over.cancel();
        connections.close();
        let ended = tokio::time::timeout(LINGER, connections.wait()).await;
        if ended.is_err() {
            cut.cancel();
            connections.wait().await;
        }
    }
}

/// Serves one connection to its end, with TLS where that is asked for.
async fn handle(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    router: Router,
    shared: Arc<Shared>,
    cut: CancellationToken,
) {
    let Some(tls) = tls else { return connection::serve(stream, router, shared, cut).await };
    let shaking = tokio::time::timeout(shared.options.header_timeout, tls.accept(stream));
    match cut.run_until_cancelled(shaking).await {
        Some(Ok(Ok(stream))) => connection::serve(stream, router, shared, cut).await,
        Some(Ok(Err(error))) => tracing::debug!(%error, "no TLS came about"),
        Some(Err(_)) | None => {}
    }
}

/// Says that there is no room, if the client reads.
fn refuse(stream: &TcpStream, ids: &dyn Ids) {
    let full = "Too many connections: the server has as many as it may have";
    let refusal = Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, full);
    if let Err(error) = stream.try_write(&refusal.raw(&RequestId::fresh(ids))) {
        tracing::trace!(%error, "a connection over the limit could not be told so");
    }
}
