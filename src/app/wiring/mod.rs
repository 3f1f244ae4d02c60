//! The composition root: from a configuration to a running server. The one place that names every adapter.
//!
//! [`assemble`] makes the use cases and what is behind them; [`Assembled::transport`] puts a transport in
//! front; [`run`](run::run) serves until the client goes away or a signal comes, and ends in order.

mod audit;
#[cfg(feature = "http")]
mod auth;
#[cfg(feature = "docker")]
mod docker;
#[cfg(not(feature = "docker"))]
#[path = "docker_absent.rs"]
mod docker;
mod engine;
pub mod entry;
mod metrics;
pub mod run;
mod store;
pub mod telemetry;
mod transport;
mod upstreams;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, ConfigError};
use super::{
    App, Authorizer, Catalog, CatalogParts, Engines, Examples, Executor, ExecutorParts, Gate,
    Lifecycle, MeasuredStore, Runner, RunnerParts, RuntimeConfig, Search, System, Testing, follow,
};
use crate::adapters::outbound::clock::SystemClock;
use crate::adapters::outbound::limiter::GcraLimiter;
use crate::adapters::outbound::schema_check::BoundedSchemaCheck;
#[cfg(feature = "http")]
use crate::ports::{Mailbox, SessionStore};
use crate::ports::{SchemaCheck, ToolStore};

pub use metrics::Measurements;
pub use transport::Transport;

/// Why the server can't be started.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// A setting asks for what can't be had: exit code 64.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another program listens there: exit code 1.
    #[error("{0}")]
    AddressInUse(String),
    /// A part failed to start: exit code 1. The sentence is for the operator's terminal.
    #[error("{0}")]
    Start(String),
}

impl WiringError {
    /// From a part's own error.
    fn start(error: &dyn std::error::Error) -> Self {
        Self::Start(Self::sentence(error))
    }

    /// The error with everything that caused it.
    fn sentence(error: &dyn std::error::Error) -> String {
        let mut sentence = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !sentence.contains(&cause_text) {
                sentence.push_str(": ");
                sentence.push_str(&cause_text);
            }
            source = cause.source();
        }
        sentence
    }
}

/// The use cases with everything behind them.
pub struct Assembled {
    /// The use cases.
    pub app: App,
    /// The server's life.
    pub lifecycle: Lifecycle,
    engines: Engines,
    #[cfg(feature = "http")]
    session_store: Option<Arc<dyn SessionStore>>,
    #[cfg(feature = "http")]
    mailbox: Option<Arc<dyn Mailbox>>,
    #[cfg(feature = "http")]
    measurements: Measurements,
}

/// Makes everything that is behind the use cases, and the use cases. `worker`: the program that runs
/// sandboxes when it is started with the hidden worker command; in production this program itself.
///
/// Nothing slow is waited for: engines get ready in the background.
pub async fn assemble(config: &Config, worker: &Path) -> Result<Assembled, WiringError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let lifecycle = Lifecycle::new(config.server.shutdown_grace);
    let docker = docker::Docker::new(config, &lifecycle);
    let engines = engine::engines(config, worker, &docker, &lifecycle).await?;
    let measurements = Measurements::new(&engines)?;
    let audit = audit::open(config, &measurements, &lifecycle)?;
    let opened = store::open(config, &measurements.calls, &lifecycle).await?;
    let store: Arc<dyn ToolStore> =
        Arc::new(MeasuredStore::new(Arc::clone(&opened.tools), Arc::clone(&measurements.calls)));
    let schemas: Arc<dyn SchemaCheck> = Arc::new(BoundedSchemaCheck);
    let limiter = Arc::new(GcraLimiter::new(config.guard));
    let gate = Arc::new(Gate::new(config.guard, limiter, Arc::clone(&measurements.calls)));
    let executor = Arc::new(Executor::new(ExecutorParts {
        engines: engines.clone(),
        schemas: Arc::clone(&schemas),
        metrics: Arc::clone(&measurements.calls),
        limits: config.run_limits(),
        lifecycle: lifecycle.clone(),
    }));
    let patience = Duration::from_millis(config.sandbox.max_timeout_ms.into());
    let examples = Arc::new(Examples::new(Arc::clone(&executor), Arc::clone(&audit), patience));
    let catalog = Arc::new(Catalog::new(CatalogParts {
        store: Arc::clone(&store),
        schemas: Arc::clone(&schemas),
        engines: engines.clone(),
        clock: Arc::new(SystemClock),
        gate: Arc::clone(&gate),
        limits: config.catalog_limits(),
        test_on_write: config.store.test_on_write.then(|| Arc::clone(&examples)),
    }));
    fill(config, &catalog, &store, &lifecycle).await?;
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    lifecycle.tasks.spawn(crate::adapters::outbound::heap::tend(lifecycle.stopped.clone()));
    let runner = Arc::new(Runner::new(RunnerParts {
        catalog: Arc::clone(&catalog),
        engines: engines.clone(),
        executor,
        gate: Arc::clone(&gate),
        policy: config.tool_policy(),
        audit: Arc::clone(&audit),
    }));
    let authorizer = Authorizer::new(
        config.access_policy(),
        config.auth.admin_token.clone(),
        config.admin_scope().map(str::to_owned),
    );
    let needs = upstreams::Needs {
        catalog: &catalog,
        gate: &gate,
        schemas: &schemas,
        metrics: &measurements.calls,
        audit: &audit,
        mailbox: opened.mailbox.as_ref(),
        lifecycle: &lifecycle,
    };
    let upstreams = upstreams::open(config, needs).await?;
    let app = App {
        search: Arc::new(Search::new(Arc::clone(&catalog))),
        testing: Arc::new(Testing::new(Arc::clone(&catalog), examples)),
        catalog,
        runner,
        gate,
        authorizer: Arc::new(authorizer),
        system: Arc::new(System::new(engines.clone(), RuntimeConfig::of(config))),
        upstreams,
        sandboxes: docker.sandboxes(config, &lifecycle),
        metrics: Arc::clone(&measurements.calls),
        audit,
    };
    Ok(Assembled {
        app,
        lifecycle,
        engines,
        #[cfg(feature = "http")]
        session_store: opened.sessions,
        #[cfg(feature = "http")]
        mailbox: opened.mailbox,
        #[cfg(feature = "http")]
        measurements,
    })
}

/// Reads the tools into the catalogue, which follows from then on what others write to the store.
async fn fill(
    config: &Config,
    catalog: &Arc<Catalog>,
    store: &Arc<dyn ToolStore>,
    lifecycle: &Lifecycle,
) -> Result<(), WiringError> {
    // Watched before it is read, so that nothing falls between the two.
    let events = store.watch();
    match catalog.reload().await {
        // A shared store that is away is read when it comes back.
        Err(error) if error.retryable() && store::may_be_away(config) => {
            tracing::warn!(%error, "starting without tools");
        }
        Err(error) => {
            let place = &config.store.backend;
            return Err(WiringError::Start(format!("the tools in {place} can't be read: {error}")));
        }
        Ok(()) => {}
    }
    let following = follow::follow(Arc::clone(catalog), events, lifecycle.stopped.clone());
    lifecycle.tasks.spawn(following);
    Ok(())
}

impl Assembled {
    /// Puts the configured transport in front; over HTTP the address is bound when this returns. From now on attached
    /// servers are connected, in the background.
    pub async fn transport(&self, config: &Config) -> Result<Transport, WiringError> {
        if let Some(upstreams) = &self.app.upstreams {
            let (tasks, stopped) = (&self.lifecycle.tasks, &self.lifecycle.stopped);
            tasks.spawn(Arc::clone(upstreams).follow(stopped.clone()));
            tasks.spawn(Arc::clone(upstreams).correspond(stopped.clone()));
        }
        Transport::open(self, config).await
    }

    /// Ends in order: running calls within the grace, then engines, then what runs in the background. The
    /// store is closed last, when nothing can write any more.
    pub async fn shutdown(self) {
        self.lifecycle.drain().await;
        self.engines.shutdown().await;
        // Nothing happens any more that it would have to be told of.
        self.app.audit.close().await;
        self.lifecycle.finish().await;
        telemetry::flush().await;
    }
}
