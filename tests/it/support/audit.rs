//! An audit log that tests read.

use std::sync::Mutex;

use async_trait::async_trait;
use dynamic_mcp::domain::AuditEvent;
use dynamic_mcp::ports::AuditLog;

/// Keeps every event.
#[derive(Default)]
pub(crate) struct RecordingAudit(Mutex<Vec<AuditEvent>>);

impl RecordingAudit {
    /// Everything that was recorded since the last time.
    #[cfg_attr(
        not(all(feature = "stdio", feature = "file")),
        expect(dead_code, reason = "read over a transport")
    )]
    pub(crate) fn take(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl AuditLog for RecordingAudit {
    fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap().push(event);
    }

    async fn close(&self) {}

    fn problem(&self) -> Option<String> {
        None
    }
}
