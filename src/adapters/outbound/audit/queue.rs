//! Takes events without waiting for the disk, and writes them in the background, many at a time.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::file::AuditFile;
use crate::domain::{AuditCategory, AuditEvent, AuditOutcome};
use crate::ports::{AuditLog, Clock, Metrics};

/// Most events that wait to be written; some hundred bytes each.
const CAPACITY: usize = 8_192;

/// Most events that are written at once.
const BATCH: usize = 256;

/// How long to wait before what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How long another program that writes to the same file is waited for, and how often it is looked whether it has
/// done.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// How the log is kept.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The file.
    pub path: PathBuf,
    /// Largest event, in bytes; a larger one is clipped.
    pub max_event_bytes: usize,
    /// The size at which a new file is begun, in bytes.
    pub max_file_bytes: u64,
    /// How many files are kept, at least 1.
    pub max_files: usize,
}

/// An event, and when it was recorded.
type Dated = (DateTime<Utc>, AuditEvent);

/// What is said about the log.
struct Standing {
    lost: AtomicU64,
    problem: Mutex<Option<String>>,
    metrics: Arc<dyn Metrics>,
}

/// The audit log in a file of JSON lines.
pub struct JsonLinesAudit {
    queue: Mutex<Option<mpsc::Sender<Dated>>>,
    ended: watch::Receiver<bool>,
    standing: Arc<Standing>,
    clock: Arc<dyn Clock>,
}

/// The background's side.
struct Writer {
    queue: mpsc::Receiver<Dated>,
    standing: Arc<Standing>,
    clock: Arc<dyn Clock>,
    max_event_bytes: usize,
}

impl JsonLinesAudit {
    /// Opens the file, and begins to write what will be recorded. An error is about the file.
    pub fn open(
        options: &AuditOptions,
        clock: Arc<dyn Clock>,
        metrics: Arc<dyn Metrics>,
        tasks: &TaskTracker,
    ) -> io::Result<Self> {
        let file =
            AuditFile::open(&options.path, options.max_file_bytes, options.max_files.max(1))?;
        let (sender, queue) = mpsc::channel(CAPACITY);
        let (end, ended) = watch::channel(false);
        let standing =
            Arc::new(Standing { lost: AtomicU64::new(0), problem: Mutex::default(), metrics });
        let writer = Writer {
            queue,
            standing: Arc::clone(&standing),
            clock: Arc::clone(&clock),
            max_event_bytes: options.max_event_bytes,
        };
        tasks.spawn(async move {
            writer.run(file).await;
            end.send_replace(true);
        });
        Ok(Self { queue: Mutex::new(Some(sender)), ended, standing, clock })
    }
}

#[async_trait]
impl AuditLog for JsonLinesAudit {
    fn record(&self, event: AuditEvent) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = queue.as_ref().is_some_and(|queue| {
            let at = self.clock.now();
            queue.try_send((at, event)).is_ok()
        });
        drop(queue);
        if !taken {
            self.standing.lost.fetch_add(1, Ordering::Relaxed);
            self.standing.metrics.audit_lost();
        }
    }

    async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        // An error means that the writer is gone, which is as good an end.
        self.ended.clone().wait_for(|ended| *ended).await.ok();
    }

    fn problem(&self) -> Option<String> {
        self.standing.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Standing {
    /// Notes whether the last write went well, and says so in the log when that changes.
    fn set(&self, error: Option<&io::Error>) {
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*problem, error) {
            (None, Some(error)) => tracing::error!(%error, "the audit log can't be written"),
            (Some(_), None) => tracing::info!("the audit log can be written again"),
            _ => {}
        }
        if problem.is_some() != error.is_some() {
            self.metrics.audit_failing(error.is_some());
        }
        *problem = error.map(|error| format!("the audit log can't be written: {}", words(error)));
    }
}

/// What the system says of an error: without a path, and without a number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_ascii_lowercase()
}

impl Writer {
    async fn run(mut self, mut file: AuditFile) {
        let mut events = Vec::new();
        let mut lines = Vec::new();
        while self.queue.recv_many(&mut events, BATCH).await > 0 {
            lines.extend(events.drain(..).map(|(at, event)| self.line(at, event)));
            let mut since = Instant::now();
            loop {
                let before = lines.len() as u64;
                let error;
                (file, lines, error) = write(file, lines).await;
                self.standing.metrics.audit_written(before - lines.len() as u64);
                if is_held(error.as_ref()) && since.elapsed() < PATIENCE {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                since = Instant::now();
                self.standing.set(error.as_ref());
                if error.is_some() {
                    if self.queue.is_closed() {
                        let lost = lines.len() + self.queue.len();
                        tracing::error!(lost, "the audit log ends without its last events");
                        return;
                    }
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                // Now there is room for what tells of those for whom there was none.
                let lost = self.standing.lost.swap(0, Ordering::Relaxed);
                if lost == 0 {
                    break;
                }
                let mut gap =
                    AuditEvent::new(AuditCategory::Audit, "audit.gap", AuditOutcome::Failed);
                gap.details.insert("lost".to_owned(), lost.into());
                lines.push(self.line(self.clock.now(), gap));
            }
        }
        let synced = tokio::task::spawn_blocking(move || file.sync()).await;
        if !matches!(synced, Ok(Ok(()))) {
            tracing::error!("the audit log could not be brought to the disk");
        }
    }

    fn line(&self, at: DateTime<Utc>, event: AuditEvent) -> String {
        let mut line = event.line(at, self.max_event_bytes);
        line.push('\n');
        line
    }
}

/// Whether it could not be written because another program is writing.
fn is_held(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Writes lines, and gives back those that could not be written.
async fn write(
    mut file: AuditFile,
    mut lines: Vec<String>,
) -> (AuditFile, Vec<String>, Option<io::Error>) {
    let writing = move || {
        let written = file.append(&mut lines);
        let released = file.release();
        (file, lines, written.and(released).err())
    };
    match tokio::task::spawn_blocking(writing).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
