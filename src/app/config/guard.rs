//! The execution guard.

use super::error::ConfigError;
use super::section::Section;
use super::setting::Setting;
use super::values::Values;
use crate::domain::GuardLimits;

/// `MCP_TOOL_MAX_CONCURRENCY`.
pub static MAX_CONCURRENCY: Setting =
    Setting::integer("MCP_TOOL_MAX_CONCURRENCY", 1, 10_000, "Most calls at once").or("8");
/// `MCP_TOOL_MAX_CALLS_PER_WINDOW`.
pub static MAX_CALLS: Setting = Setting::integer(
    "MCP_TOOL_MAX_CALLS_PER_WINDOW",
    1,
    1_000_000,
    "Most calls of one tool in a window; the allowance refills evenly",
)
.or("300");
/// `MCP_TOOL_RATE_WINDOW_MS`.
pub static WINDOW: Setting = Setting::integer(
    "MCP_TOOL_RATE_WINDOW_MS",
    1,
    86_400_000,
    "How long the window is, in milliseconds",
)
.or("60000");

pub(super) static SECTION: Section = Section {
    title: "Guard",
    about: "How much may run. One guard for the whole process; over a limit a call is refused at once.",
    settings: &[&MAX_CONCURRENCY, &MAX_CALLS, &WINDOW],
};

pub(super) fn read(values: &Values) -> Result<GuardLimits, ConfigError> {
    Ok(GuardLimits {
        max_concurrency: values.number(&MAX_CONCURRENCY)?,
        max_calls_per_window: values.number(&MAX_CALLS)?,
        window: values.millis(&WINDOW)?,
    })
}
