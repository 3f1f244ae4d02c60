//! Which store.

use std::sync::Arc;

use super::WiringError;
use crate::app::Lifecycle;
#[cfg(feature = "file")]
use crate::app::config::store;
use crate::app::config::{Backend, Config, ConfigError};
use crate::ports::{Mailbox, Metrics, SessionStore, ToolStore};

/// What is kept.
pub(super) struct Opened {
    /// Tools.
    pub(super) tools: Arc<dyn ToolStore>,
    /// Sessions, where several processes can share them.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only HTTP has sessions"))]
    pub(super) sessions: Option<Arc<dyn SessionStore>>,
    /// The mailbox, where several processes share one.
    pub(super) mailbox: Option<Arc<dyn Mailbox>>,
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(unused_variables, reason = "PostgreSQL takes them all, a file one of them")
)]
#[cfg_attr(
    not(any(feature = "file", feature = "postgres")),
    expect(clippy::unused_async, reason = "a store that is compiled in is awaited")
)]
pub(super) async fn open(
    config: &Config,
    metrics: &Arc<dyn Metrics>,
    lifecycle: &Lifecycle,
) -> Result<Opened, WiringError> {
    match &config.store.backend {
        #[cfg(feature = "file")]
        Backend::File(path) => {
            use crate::adapters::outbound::store::file::{FileOptions, FileStore};
            let options = FileOptions { history: config.store.history };
            FileStore::open(&file(path), options, &lifecycle.tasks, &lifecycle.stopped)
                .await
                .map(|store| Opened { tools: Arc::new(store), sessions: None, mailbox: None })
                .map_err(|error| WiringError::start(&error))
        }
        #[cfg(not(feature = "file"))]
        Backend::File(_) => Err(not_compiled("file")),
        #[cfg(feature = "postgres")]
        Backend::Postgres(settings) => postgres(config, settings, metrics, lifecycle).await,
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres(_) => Err(not_compiled("postgres")),
    }
}

/// Attachments of other servers are kept where the tools are.
#[cfg(feature = "upstream")]
pub(super) async fn attachments(
    config: &Config,
    lifecycle: &Lifecycle,
) -> Result<Arc<dyn crate::ports::AttachmentStore>, WiringError> {
    match &config.store.backend {
        #[cfg(feature = "file")]
        Backend::File(path) => {
            use crate::adapters::outbound::store::file::FileAttachments;
            let Lifecycle { tasks, stopped, .. } = lifecycle;
            let store = FileAttachments::open(&file(path), tasks, stopped).await;
            Ok(Arc::new(store.map_err(|error| WiringError::start(&error))?))
        }
        #[cfg(not(feature = "file"))]
        Backend::File(_) => Err(not_compiled("file")),
        #[cfg(feature = "postgres")]
        Backend::Postgres(settings) => {
            use secrecy::ExposeSecret as _;

            use crate::adapters::outbound::store::postgres::{PgAttachments, SchemaName};
            let schema = SchemaName::parse(&settings.schema);
            let schema = schema.map_err(|error| WiringError::start(&error))?;
            let url = settings.url.expose_secret();
            let Lifecycle { tasks, stopped, .. } = lifecycle;
            let store = PgAttachments::open(url, &schema, tasks, stopped);
            Ok(Arc::new(store.map_err(|error| WiringError::start(&error))?))
        }
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres(_) => Err(not_compiled("postgres")),
    }
}

/// Where nothing was set, the Node project's own default is found and imported: the store is the file beside it
/// either way.
#[cfg(feature = "file")]
fn file(path: &std::path::Path) -> std::path::PathBuf {
    let usual = path.as_os_str() == store::STORE.default.unwrap_or_default();
    if usual { path.with_extension("json") } else { path.to_owned() }
}

/// PostgreSQL connects in the background. A database that is up is waited for, for a moment, so that the first
/// list is not empty; one that is down leaves the server not ready, and ends it when the attempts are used
/// up.
#[cfg(feature = "postgres")]
async fn postgres(
    config: &Config,
    settings: &crate::app::config::Postgres,
    metrics: &Arc<dyn Metrics>,
    lifecycle: &Lifecycle,
) -> Result<Opened, WiringError> {
    use secrecy::ExposeSecret as _;

    use crate::adapters::outbound::clock::RandomIds;
    use crate::adapters::outbound::store::postgres::{PgOptions, PgToolStore, SchemaName};
    use crate::app::config::store::{PG_SCHEMA, PG_URL};
    use crate::ports::Ids as _;

    let unusable = |name, error: &dyn std::error::Error| {
        WiringError::Config(ConfigError::Unusable { name, why: error.to_string() })
    };
    let options = PgOptions {
        schema: SchemaName::parse(&settings.schema)
            .map_err(|error| unusable(PG_SCHEMA.name, &error))?,
        history: u32::try_from(config.store.history).unwrap_or(u32::MAX),
        default_engine: default_engine(config),
        instance: RandomIds.uuid(),
        metrics: Arc::clone(metrics),
    };
    let url = settings.url.expose_secret();
    let store = PgToolStore::open(url, options, &lifecycle.tasks, &lifecycle.stopped)
        .map_err(|error| unusable(PG_URL.name, &error))?;
    let sessions: Arc<dyn SessionStore> = Arc::new(store.sessions());
    let mailbox: Arc<dyn Mailbox> = Arc::new(store.mailbox());
    let store: Arc<dyn ToolStore> = Arc::new(store);
    if !answers_within(&*store, MOMENT).await {
        let (attempts, backoff) = (settings.init_max_attempts, settings.init_backoff);
        let (waiting, lifecycle) = (Arc::clone(&store), lifecycle.clone());
        lifecycle.tasks.clone().spawn(async move {
            for _ in 0..attempts {
                if answers_within(&*waiting, backoff).await || lifecycle.draining.is_cancelled() {
                    return;
                }
            }
            lifecycle.fail(format!("PostgreSQL did not answer in {attempts} attempts"));
        });
    }
    Ok(Opened { tools: store, sessions: Some(sessions), mailbox: Some(mailbox) })
}

/// What runs tools that the Node project wrote. A daemon that comes and goes must not move them: `auto` is the
/// embedded engine for them, where there is one.
#[cfg(feature = "postgres")]
fn default_engine(config: &Config) -> crate::domain::tool::EngineKind {
    use crate::app::config::Engine;
    use crate::domain::tool::EngineKind;

    match config.sandbox.engine {
        Engine::Embedded => EngineKind::Embedded,
        Engine::Auto if cfg!(feature = "embedded") => EngineKind::Embedded,
        Engine::Auto | Engine::Docker => EngineKind::Docker,
    }
}

/// How long a start waits for a database that is up.
#[cfg(feature = "postgres")]
const MOMENT: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(feature = "postgres")]
async fn answers_within(store: &dyn ToolStore, time: std::time::Duration) -> bool {
    let answers = async {
        while store.health().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(time, answers).await.is_ok()
}

/// Whether a server starts although its store is away.
pub(super) const fn may_be_away(config: &Config) -> bool {
    matches!(config.store.backend, Backend::Postgres(_))
}

#[cfg(not(all(feature = "file", feature = "postgres")))]
fn not_compiled(backend: &'static str) -> WiringError {
    let asked = format!("MCP_DYNAMIC_BACKEND={backend}");
    ConfigError::NotCompiled { asked, feature: backend }.into()
}
