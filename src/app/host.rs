//! The host's side of one call: what running code may reach.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use crate::domain::ErrorCode;
use crate::domain::execution::{HostRequest, HostRequestKind, LogEntry, Progress};
use crate::domain::tool::EngineKind;
use crate::ports::{Host, HostRefusal, Metrics};

/// Where a call's log and progress go: the client that made it.
pub trait CallSink: Send + Sync {
    /// A log entry. Must not block.
    fn log(&self, entry: LogEntry);
    /// Progress. Must not block.
    fn progress(&self, progress: Progress);
}

/// For callers that listen to neither.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl CallSink for NoSink {
    fn log(&self, _: LogEntry) {}
    fn progress(&self, _: Progress) {}
}

/// One call's host.
pub(super) struct CallHost {
    pub(super) sink: Arc<dyn CallSink>,
    pub(super) metrics: Arc<dyn Metrics>,
    pub(super) engine: EngineKind,
    /// When the engine was asked to run it.
    pub(super) started: Instant,
}

#[async_trait]
impl Host for CallHost {
    fn sandbox_ready(&self) {
        self.metrics.sandbox_started(self.engine, self.started.elapsed());
    }

    fn log(&self, entry: LogEntry) {
        self.sink.log(entry);
    }

    fn progress(&self, progress: Progress) {
        self.sink.progress(progress);
    }

    #[tracing::instrument(level = "debug", name = "host", skip_all, fields(host.request = ?request.kind))]
    async fn request(&self, request: HostRequest) -> Result<Value, HostRefusal> {
        let message = match request.kind {
            HostRequestKind::Fetch => {
                "fetch is not available on this server: tools have no network here"
            }
            HostRequestKind::Secret => {
                "ctx.secret is not available on this server: no secrets are granted to tools here"
            }
            HostRequestKind::ToolCall | HostRequestKind::ToolList => {
                "ctx.tools is not available on this server: tools can't call other tools here"
            }
            HostRequestKind::Input => {
                "ctx.input is not available on this server: tools can't ask the client here"
            }
        };
        Err(HostRefusal { code: ErrorCode::PermissionDenied, message: message.to_owned() })
    }
}
