//! The audit log.

use std::path::PathBuf;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
use super::values::Values;
use crate::domain::Profile;

/// `MCP_AUDIT_ENABLED`.
pub static ENABLED: Setting =
    Setting::switch("MCP_AUDIT_ENABLED", "Write down who did what, as JSON lines")
        .or_note("`false` for the mvp profile, `true` for enterprise");
/// `MCP_AUDIT_FILE`.
pub static FILE: Setting =
    Setting::of("MCP_AUDIT_FILE", Kind::File, "The audit log's file").or(".dynamic-mcp/audit.log");
/// `MCP_AUDIT_MAX_EVENT_BYTES`.
pub static MAX_EVENT: Setting = Setting::integer(
    "MCP_AUDIT_MAX_EVENT_BYTES",
    1,
    1_000_000,
    "Largest event, in bytes; a larger one is clipped",
)
.or("20000");
/// `MCP_AUDIT_MAX_FILE_BYTES`.
pub static MAX_FILE: Setting = Setting::integer(
    "MCP_AUDIT_MAX_FILE_BYTES",
    1,
    1_000_000_000,
    "The size at which a new file is begun, in bytes",
)
.or("10000000");
/// `MCP_AUDIT_MAX_FILES`.
pub static MAX_FILES: Setting =
    Setting::integer("MCP_AUDIT_MAX_FILES", 1, 100, "How many files are kept").or("5");

pub(super) static SECTION: Section = Section {
    title: "Audit",
    about: "A record of changes, calls and refusals, without code, arguments or results.",
    settings: &[&ENABLED, &FILE, &MAX_EVENT, &MAX_FILE, &MAX_FILES],
};

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// `MCP_AUDIT_ENABLED`.
    pub enabled: bool,
    /// `MCP_AUDIT_FILE`, relative to the working directory.
    pub file: PathBuf,
    /// `MCP_AUDIT_MAX_EVENT_BYTES`, 1 to 1,000,000.
    pub max_event_bytes: usize,
    /// `MCP_AUDIT_MAX_FILE_BYTES`, 1 to 1,000,000,000.
    pub max_file_bytes: u64,
    /// `MCP_AUDIT_MAX_FILES`, 1 to 100.
    pub max_files: usize,
}

impl Audit {
    pub(super) fn read(values: &Values, profile: Profile) -> Result<Self, ConfigError> {
        Ok(Self {
            enabled: values.switch(&ENABLED, profile == Profile::Enterprise)?,
            file: values.text(&FILE)?.into(),
            max_event_bytes: values.number(&MAX_EVENT)?,
            max_file_bytes: values.number(&MAX_FILE)?,
            max_files: values.number(&MAX_FILES)?,
        })
    }
}
