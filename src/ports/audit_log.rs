//! The audit log.

use async_trait::async_trait;

use crate::domain::AuditEvent;

/// Keeps a record of who did what.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Takes an event, with the time of now.
    ///
    /// MUST be cheap and MUST NOT block, whatever the disk does. MUST keep the order of events that one task
    /// records. An event that there is no room for is lost; that some were, and how many, MUST be written down
    /// once there is room again.
    fn record(&self, event: AuditEvent);

    /// Writes what was recorded, and takes nothing more. MUST return, also where it can't be written. Safe to
    /// call twice.
    async fn close(&self);

    /// What keeps it from being written just now, in words without a path; `None`: nothing.
    fn problem(&self) -> Option<String>;
}

/// Keeps none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAudit;

#[async_trait]
impl AuditLog for NoAudit {
    fn record(&self, _: AuditEvent) {}

    async fn close(&self) {}

    fn problem(&self) -> Option<String> {
        None
    }
}
