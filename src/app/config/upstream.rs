//! Other MCP servers whose tools are offered too.

use super::error::ConfigError;
use super::section::Section;
use super::setting::Setting;
use super::values::Values;

/// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH`.
pub static ATTACH: Setting = Setting::switch(
    "MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH",
    "Offer the tools that attach other MCP servers (enterprise profile)",
)
.or("false");
/// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX`.
pub static ATTACH_MAX: Setting = Setting::integer(
    "MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX",
    1,
    256,
    "Most servers attached at once",
)
.or("8");

pub(super) static SECTION: Section = Section {
    title: "Upstream servers",
    about: "Experimental.",
    settings: &[&ATTACH, &ATTACH_MAX],
};

/// Other MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upstream {
    /// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH`.
    pub attach: bool,
    /// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX`, 1 to 256.
    pub max: usize,
}

impl Upstream {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { attach: values.switch(&ATTACH, false)?, max: values.number(&ATTACH_MAX)? })
    }
}
