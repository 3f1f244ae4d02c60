//! Remembers what a call logged and how far it said it was.

use std::sync::Mutex;

use dynamic_mcp::app::CallSink;
use dynamic_mcp::domain::execution::{LogEntry, Progress};

#[derive(Default)]
pub(crate) struct RecordingSink {
    pub(crate) logs: Mutex<Vec<LogEntry>>,
    pub(crate) progress: Mutex<Vec<Progress>>,
}

impl CallSink for RecordingSink {
    fn log(&self, entry: LogEntry) {
        self.logs.lock().unwrap().push(entry);
    }

    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress);
    }
}
