//! A server on a free port, ended when dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::{
    Access, BindError, Check, HttpOptions, HttpParts, HttpServer, Readiness,
};
use dynamic_mcp::adapters::outbound::clock::RandomIds;
use dynamic_mcp::adapters::outbound::telemetry::prometheus::PrometheusMetrics;
use dynamic_mcp::app::Lifecycle;
use dynamic_mcp::ports::{HttpMetrics as _, NoAudit, SessionStore};
use tokio::task::JoinHandle;

use super::client::{Client, INITIALIZE, INITIALIZED, data_of, mcp_headers};
use super::handler::Held;
use crate::support::wait::until;

/// A server that runs.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Held,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Arc<PrometheusMetrics>,
    serving: Option<JoinHandle<()>>,
}

/// Options for a test: a free port.
pub(crate) fn options() -> HttpOptions {
    HttpOptions { port: 0, ..HttpOptions::default() }
}

/// Readiness without a problem.
pub(crate) fn ready() -> Readiness {
    Arc::new(|| Box::pin(async { vec![Check::new("store", None)] }))
}

/// Binds without serving.
pub(crate) async fn bind(options: HttpOptions) -> Result<HttpServer, BindError> {
    let handler = Held::new();
    let parts = HttpParts {
        ids: Arc::new(RandomIds),
        metrics: Arc::new(PrometheusMetrics::new().unwrap()),
        audit: Arc::new(NoAudit),
        access: None,
        readiness: ready(),
        session_store: None,
        mailbox: None,
        lifecycle: Lifecycle::new(Duration::from_secs(30)),
    };
    HttpServer::bind(options, move || handler.clone(), parts).await
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(options(), Duration::from_secs(30), ready()).await
    }

    pub(crate) async fn with(options: HttpOptions, grace: Duration, readiness: Readiness) -> Self {
        Self::built(options, grace, readiness, None, None).await
    }

    /// One that lets in only whom `access` says.
    pub(crate) async fn admitting(
        options: HttpOptions,
        grace: Duration,
        readiness: Readiness,
        access: Option<Access>,
    ) -> Self {
        Self::built(options, grace, readiness, access, None).await
    }

    /// One of several that have the same sessions.
    pub(crate) async fn of_fleet(options: HttpOptions, sessions: Arc<dyn SessionStore>) -> Self {
        Self::built(options, Duration::ZERO, ready(), None, Some(sessions)).await
    }

    async fn built(
        options: HttpOptions,
        grace: Duration,
        readiness: Readiness,
        access: Option<Access>,
        session_store: Option<Arc<dyn SessionStore>>,
    ) -> Self {
        let handler = Held::new();
        let metrics = Arc::new(PrometheusMetrics::new().unwrap());
        let lifecycle = Lifecycle::new(grace);
        let parts = HttpParts {
            ids: Arc::new(RandomIds),
            metrics: Arc::clone(&metrics) as _,
            audit: Arc::new(NoAudit),
            access,
            readiness,
            session_store,
            mailbox: None,
            lifecycle: lifecycle.clone(),
        };
        let template = handler.clone();
        let server = HttpServer::bind(options, move || template.clone(), parts).await.unwrap();
        let address = server.local_addr();
        let serving = Some(tokio::spawn(server.serve()));
        Self { address, handler, lifecycle, metrics, serving }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Opens a session and gives the header that names it.
    pub(crate) async fn session(&self) -> String {
        let mut client = self.client().await;
        let answer = client.post("", INITIALIZE).await;
        assert_eq!(answer.head.status, 200);
        assert!(data_of(&String::from_utf8_lossy(&answer.body)).contains("protocolVersion"));
        let id = answer.head.header("mcp-session-id").unwrap();
        let header = format!("Mcp-Session-Id: {id}\r\n");
        assert_eq!(client.post(&header, INITIALIZED).await.head.status, 202);
        header
    }

    /// Opens a session's own stream.
    pub(crate) async fn stream(&self, session: &str) -> Client {
        let mut client = self.client().await;
        client.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
        assert_eq!(client.head().await.status, 200);
        client
    }

    /// A metric's value, from the exposition.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.exposition().unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Waits until a metric has a value.
    pub(crate) async fn until_metric(&self, name: &str, value: f64) {
        until(async || (self.metric(name) - value).abs() < 0.5).await;
    }

    /// Waits until so many calls of `hold` run.
    pub(crate) async fn until_running(&self, count: usize) {
        until(async || self.handler.running() == count).await;
    }

    /// Ends the server as a signal would, and waits until it has ended.
    pub(crate) async fn end(&mut self) {
        let lifecycle = self.lifecycle.clone();
        let serving = self.serving.take().unwrap();
        let all = async move {
            lifecycle.drain().await;
            serving.await.unwrap();
            lifecycle.finish().await;
        };
        tokio::time::timeout(Duration::from_mins(1), all).await.unwrap();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.lifecycle.draining.cancel();
        self.lifecycle.stopped.cancel();
    }
}
