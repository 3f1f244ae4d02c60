//! A host for an engine under test: remembers what it was told, and answers what it was taught to.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{HostRequest, HostRequestKind, LogEntry, Progress};
use dynamic_mcp::ports::{Host, HostRefusal};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct RecordingHost {
    logs: Mutex<Vec<LogEntry>>,
    progress: Mutex<Vec<Progress>>,
    requests: Mutex<Vec<HostRequest>>,
    hangs: bool,
}

fn of<T: Clone>(list: &Mutex<Vec<T>>) -> Vec<T> {
    list.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl RecordingHost {
    /// One that never answers.
    pub(crate) fn hanging() -> Self {
        Self { hangs: true, ..Self::default() }
    }

    pub(crate) fn logs(&self) -> Vec<LogEntry> {
        of(&self.logs)
    }

    pub(crate) fn progress(&self) -> Vec<Progress> {
        of(&self.progress)
    }

    pub(crate) fn requests(&self) -> Vec<HostRequest> {
        of(&self.requests)
    }
}

/// `tool_call` is granted and echoes its body; everything else is refused.
#[async_trait]
impl Host for RecordingHost {
    fn log(&self, entry: LogEntry) {
        self.logs.lock().unwrap().push(entry);
    }

    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress);
    }

    async fn request(&self, request: HostRequest) -> Result<Value, HostRefusal> {
        self.requests.lock().unwrap().push(request.clone());
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if request.kind == HostRequestKind::ToolCall {
            return Ok(json!({ "echo": request.body }));
        }
        Err(HostRefusal {
            code: ErrorCode::PermissionDenied,
            message: "this host grants nothing of the kind".to_owned(),
        })
    }
}
