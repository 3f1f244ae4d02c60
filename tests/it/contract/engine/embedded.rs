//! The embedded engine, with each of its two sources of workers.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, WorkerMode,
};
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EngineHarness, engine_contract, stamp};

pub(crate) struct Embedded(pub(crate) WorkerMode);

#[async_trait]
impl EngineHarness for Embedded {
    async fn engine(&self) -> Arc<dyn Engine> {
        let mut config = EmbeddedConfig::new(env!("CARGO_BIN_EXE_dynamic-mcp"));
        config.mode = self.0;
        Arc::new(EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new()))
    }
}

stamp!(fork_server, Embedded(WorkerMode::ForkServer));
stamp!(exec_pool, Embedded(WorkerMode::ExecPool));
engine_contract!(fork_server_alone, Embedded(WorkerMode::ForkServer), {
    control: [there_is_nothing_of_node],
});
engine_contract!(exec_pool_alone, Embedded(WorkerMode::ExecPool), {
    control: [there_is_nothing_of_node],
});
