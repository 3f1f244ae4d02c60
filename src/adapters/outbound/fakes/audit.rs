//! An audit log that can be read.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::AuditEvent;
use crate::ports::AuditLog;

/// Keeps every event.
#[derive(Debug, Default)]
pub struct RecordingAudit(Mutex<Vec<AuditEvent>>);

impl RecordingAudit {
    /// Everything that was recorded since the last time.
    pub fn take(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl AuditLog for RecordingAudit {
    fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    async fn close(&self) {}

    fn problem(&self) -> Option<String> {
        None
    }
}
