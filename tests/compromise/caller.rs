//! Who calls the engine where there is no server around it; the benchmark has the same one.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::engine::embedded::EmbeddedEngine;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::caller::Caller;
use dynamic_mcp::domain::execution::{
    Failure, HostRequest, Job, Limits, LogEntry, Progress, Returned,
};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::ports::{Engine as _, Host, HostRefusal};
use tokio_util::sync::CancellationToken;

/// Hears nothing and gives nothing.
struct Silent;

#[async_trait]
impl Host for Silent {
    fn log(&self, _: LogEntry) {}
    fn progress(&self, _: Progress) {}
    async fn request(&self, _: HostRequest) -> Result<serde_json::Value, HostRefusal> {
        Err(HostRefusal { code: ErrorCode::PermissionDenied, message: "no".to_owned() })
    }
}

/// Runs code with arguments in JSON.
pub(crate) async fn run(
    engine: &EmbeddedEngine,
    code: &str,
    args: &str,
    limits: Limits,
) -> Result<Returned, Failure> {
    let job = Job {
        tool: None,
        code: code.into(),
        args: args.to_owned(),
        caller: Caller::local(),
        dependencies: Arc::new([]),
        lock: None,
        image: ContainerImage::parse("node:lts-slim").unwrap(),
        limits,
    };
    engine.run(job, Arc::new(Silent), CancellationToken::new()).await.unwrap().outcome
}
