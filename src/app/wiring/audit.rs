//! Where the audit log goes.

use std::sync::Arc;

use super::{Measurements, WiringError};
use crate::adapters::outbound::audit::{AuditOptions, JsonLinesAudit};
use crate::adapters::outbound::clock::SystemClock;
use crate::app::Lifecycle;
use crate::app::config::{Config, audit};
use crate::ports::{AuditLog, NoAudit};

/// Opens the log that the configuration asks for. One that can't be kept ends the start.
pub(super) fn open(
    config: &Config,
    measurements: &Measurements,
    lifecycle: &Lifecycle,
) -> Result<Arc<dyn AuditLog>, WiringError> {
    let settings = &config.audit;
    if !settings.enabled {
        return Ok(Arc::new(NoAudit));
    }
    let options = AuditOptions {
        path: settings.file.clone(),
        max_event_bytes: settings.max_event_bytes,
        max_file_bytes: settings.max_file_bytes,
        max_files: settings.max_files,
    };
    let metrics = Arc::clone(&measurements.calls);
    match JsonLinesAudit::open(&options, Arc::new(SystemClock), metrics, &lifecycle.tasks) {
        Ok(log) => Ok(Arc::new(log)),
        Err(error) => {
            let (path, name, off) = (options.path.display(), audit::FILE.name, audit::ENABLED.name);
            Err(WiringError::Start(format!(
                "the audit log {path} can't be kept: {error}; {name} gives another file, {off}=false does \
                 without"
            )))
        }
    }
}
