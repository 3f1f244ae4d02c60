//! Other MCP servers whose tools are offered too.

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Item, Setting};
use super::values::Values;
use crate::domain::network::PrivateHosts;

/// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH`.
pub static ATTACH: Setting = Setting::switch(
    "MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH",
    "Offer the tools that attach other MCP servers (enterprise profile, administrators only)",
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
/// `MCP_UPSTREAM_COMMANDS`.
pub static COMMANDS: Setting = Setting::list(
    "MCP_UPSTREAM_COMMANDS",
    Item::Text,
    "Programs that may be started as servers, as the attachment writes them; `*`: any",
)
.or_note("none");
/// `MCP_UPSTREAM_PRIVATE_HOSTS`.
pub static PRIVATE_HOSTS: Setting = Setting::list(
    "MCP_UPSTREAM_PRIVATE_HOSTS",
    Item::Host,
    "Hosts that may be attached although their addresses are not on the public internet",
)
.or_note("none");
/// `MCP_UPSTREAM_MAX_MESSAGE_BYTES`.
pub static MAX_MESSAGE_BYTES: Setting = Setting::integer(
    "MCP_UPSTREAM_MAX_MESSAGE_BYTES",
    1024,
    67_108_864,
    "Largest message of an attached server, in bytes",
)
.or("4194304");

pub(super) static SECTION: Section = Section {
    title: "Upstream servers",
    about: "Experimental. What they do is told in [upstreams.md](upstreams.md).",
    settings: &[&ATTACH, &ATTACH_MAX, &COMMANDS, &PRIVATE_HOSTS, &MAX_MESSAGE_BYTES],
};

/// Other MCP servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH`.
    pub attach: bool,
    /// `MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX`, 1 to 256.
    pub max: usize,
    /// `MCP_UPSTREAM_COMMANDS`.
    pub commands: Vec<String>,
    /// `MCP_UPSTREAM_PRIVATE_HOSTS`.
    pub private_hosts: PrivateHosts,
    /// `MCP_UPSTREAM_MAX_MESSAGE_BYTES`, 1 KiB to 64 MiB.
    pub max_message_bytes: usize,
}

impl Upstream {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            attach: values.switch(&ATTACH, false)?,
            max: values.number(&ATTACH_MAX)?,
            commands: values.list(&COMMANDS)?,
            private_hosts: PrivateHosts::new(values.list(&PRIVATE_HOSTS)?),
            max_message_bytes: values.number(&MAX_MESSAGE_BYTES)?,
        })
    }
}
