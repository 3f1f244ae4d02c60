//! The audit log: what is told, how it is kept, and that its page says so.

mod events;
mod file;
#[cfg(target_os = "linux")]
mod full;
mod page;
mod sandboxes;
#[cfg(all(feature = "http", feature = "embedded", target_os = "linux"))]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dynamic_mcp::adapters::outbound::audit::{AuditOptions, JsonLinesAudit};
use dynamic_mcp::adapters::outbound::fakes::FakeClock;
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::domain::{AuditCategory, AuditEvent, AuditOutcome, ErrorCode, RejectionKind};
use dynamic_mcp::ports::Metrics;
use serde_json::Value;
use tokio_util::task::TaskTracker;

/// Counts what the log says of itself.
#[derive(Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
    failing: AtomicBool,
}

impl Metrics for Counts {
    fn call(&self, _: &str, _: EngineKind, _: Option<ErrorCode>, _: Duration) {}
    fn mounted_call(&self, _: &str, _: Option<ErrorCode>, _: Duration) {}
    fn sandbox_started(&self, _: EngineKind, _: Duration) {}
    fn rejected(&self, _: RejectionKind) {}
    fn store(&self, _: &'static str, _: bool, _: Duration) {}
    fn store_available(&self, _: bool) {}
    fn notified(&self, _: usize) {}
    fn audit_written(&self, events: u64) {
        self.written.fetch_add(events, Ordering::SeqCst);
    }
    fn audit_lost(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }
    fn audit_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

struct Kept {
    log: Arc<JsonLinesAudit>,
    counts: Arc<Counts>,
    path: PathBuf,
}

impl Kept {
    fn open(path: &Path, max_file_bytes: u64, max_files: usize) -> Self {
        Self::try_open(path, max_file_bytes, max_files).unwrap()
    }

    fn try_open(path: &Path, max_file_bytes: u64, max_files: usize) -> std::io::Result<Self> {
        let counts = Arc::new(Counts::default());
        let options = AuditOptions {
            path: path.to_owned(),
            max_event_bytes: 20_000,
            max_file_bytes,
            max_files,
        };
        let (clock, tasks) = (Arc::new(FakeClock::new()), TaskTracker::new());
        let log = JsonLinesAudit::open(&options, clock, Arc::clone(&counts) as _, &tasks)?;
        Ok(Self { log: Arc::new(log), counts, path: path.to_owned() })
    }

    /// The lines of the file with this number, 0 for the current one.
    fn lines(&self, number: usize) -> Vec<Value> {
        let mut path = self.path.clone().into_os_string();
        if number > 0 {
            path.push(format!(".{number}"));
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn numbered(number: u64) -> AuditEvent {
    let mut event = AuditEvent::new(AuditCategory::Execution, "tool.call", AuditOutcome::Ok);
    event.revision = Some(number);
    event
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["revision"].as_u64()).collect()
}
