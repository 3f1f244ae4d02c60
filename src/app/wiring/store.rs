//! Which store.

use std::sync::Arc;

use super::WiringError;
use crate::app::Lifecycle;
#[cfg(feature = "file")]
use crate::app::config::store;
use crate::app::config::{Backend, Config, ConfigError};
use crate::ports::ToolStore;

pub(super) async fn open(
    config: &Config,
    lifecycle: &Lifecycle,
) -> Result<Arc<dyn ToolStore>, WiringError> {
    match &config.store.backend {
        #[cfg(feature = "file")]
        Backend::File(path) => {
            use crate::adapters::outbound::store::file::{FileOptions, FileStore};
            let options = FileOptions { history: config.store.history };
            // Where nothing was set, the Node project's own default is found and imported: the store is
            // the file beside it either way.
            let usual = path.as_os_str() == store::STORE.default.unwrap_or_default();
            let path = if usual { path.with_extension("json") } else { path.clone() };
            FileStore::open(&path, options, &lifecycle.tasks, &lifecycle.stopped)
                .await
                .map(|store| Arc::new(store) as Arc<dyn ToolStore>)
                .map_err(|error| WiringError::start(&error))
        }
        #[cfg(not(feature = "file"))]
        Backend::File(_) => Err(not_compiled("file", lifecycle)),
        Backend::Postgres(_) => Err(not_compiled("postgres", lifecycle)),
    }
}

/// Where the store is, for the operator's terminal.
pub(super) fn place(config: &Config) -> String {
    match &config.store.backend {
        Backend::File(path) => path.display().to_string(),
        Backend::Postgres(postgres) => format!("PostgreSQL, schema {}", postgres.schema),
    }
}

fn not_compiled(backend: &'static str, _: &Lifecycle) -> WiringError {
    let asked = format!("MCP_DYNAMIC_BACKEND={backend}");
    ConfigError::NotCompiled { asked, feature: backend }.into()
}
