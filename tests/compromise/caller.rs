//! Who calls the engine where there is no server around it; the benchmarks have the same one.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::caller::Caller;
use dynamic_mcp::domain::execution::{
    Failure, HostRequest, Job, Limits, LogEntry, Progress, Returned,
};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::domain::tool::Dependency;
use dynamic_mcp::ports::{Engine, Host, HostRefusal};
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

/// Code with arguments in JSON and npm packages, as the engine is asked to run it.
pub(crate) fn job(code: &str, args: &str, packages: Arc<[Dependency]>, limits: Limits) -> Job {
    Job {
        tool: None,
        code: code.into(),
        args: args.to_owned(),
        caller: Caller::local(),
        dependencies: packages,
        lock: None,
        image: ContainerImage::parse("node:lts-slim").unwrap(),
        limits,
    }
}

/// Runs it.
pub(crate) async fn run(engine: &dyn Engine, job: Job) -> Result<Returned, Failure> {
    engine.run(job, Arc::new(Silent), CancellationToken::new()).await.unwrap().outcome
}
