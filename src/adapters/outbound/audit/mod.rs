//! The audit log as a file of JSON lines: [`queue`] takes events and writes them in the background, [`mod@file`]
//! is the file with its predecessors.

mod file;
mod queue;

pub use queue::{AuditOptions, JsonLinesAudit};
