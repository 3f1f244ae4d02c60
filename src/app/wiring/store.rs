//! Which store.

use std::sync::Arc;

use super::WiringError;
use crate::app::Lifecycle;
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
            FileStore::open(path, options, &lifecycle.tasks, &lifecycle.stopped)
                .await
                .map(|store| Arc::new(store) as Arc<dyn ToolStore>)
                .map_err(|error| WiringError::start(&error))
        }
        #[cfg(not(feature = "file"))]
        Backend::File(_) => Err(not_compiled("file", lifecycle)),
        Backend::Postgres(_) => Err(not_compiled("postgres", lifecycle)),
    }
}

fn not_compiled(backend: &'static str, _: &Lifecycle) -> WiringError {
    let asked = format!("MCP_DYNAMIC_BACKEND={backend}");
    ConfigError::NotCompiled { asked, feature: backend }.into()
}
