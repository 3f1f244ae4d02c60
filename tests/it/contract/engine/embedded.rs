//! The embedded engine, with each of its two sources of workers.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, WorkerMode,
};
use dynamic_mcp::ports::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::EngineHarness;

struct Embedded(WorkerMode);

#[async_trait]
impl EngineHarness for Embedded {
    async fn engine(&self) -> Arc<dyn Engine> {
        let mut config = EmbeddedConfig::new(env!("CARGO_BIN_EXE_dynamic-mcp"));
        config.mode = self.0;
        Arc::new(EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new()))
    }
}

mod fork_server {
    use super::*;
    super::super::stamp!(
        values,
        Embedded(WorkerMode::ForkServer),
        [arguments_come_in_and_a_value_goes_out]
    );
}

mod exec_pool {
    use super::*;
    super::super::stamp!(
        values,
        Embedded(WorkerMode::ExecPool),
        [arguments_come_in_and_a_value_goes_out]
    );
}
