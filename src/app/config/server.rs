//! What the server is: its profile, its transport, the spelling of tool names, its end.

use std::time::Duration;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
use super::values::Values;
use crate::domain::Profile;

/// `MCP_CONFIG`.
pub static CONFIG_FILE: Setting = Setting::of(
    "MCP_CONFIG",
    Kind::File,
    "A TOML file with settings. A key is a variable in lower case without `MCP_`, such as \
     `http_max_sessions = 100`; tables join their name with `_`, so `[http]` and `max_sessions = 100` is \
     the same",
)
.or_note("none");
/// `MCP_PROFILE`.
pub static PROFILE: Setting = Setting::word(
    "MCP_PROFILE",
    &["mvp", "enterprise"],
    "Which built-in tools, resources and prompts are offered",
)
.or("mvp");
/// `MCP_TRANSPORT`.
pub static TRANSPORT: Setting = Setting::word(
    "MCP_TRANSPORT",
    &["stdio", "http"],
    "How clients attach: as a child process, or over Streamable HTTP",
)
.or("stdio");
/// `MCP_TOOL_NAME_STYLE`.
pub static NAME_STYLE: Setting = Setting::word(
    "MCP_TOOL_NAME_STYLE",
    &["auto", "dotted", "underscore"],
    "How tools are named in lists. `auto`: with dots, except to clients known to refuse them. A call is \
     accepted in either spelling",
)
.or("auto");
/// `MCP_SHUTDOWN_GRACE_SECONDS`.
pub static GRACE: Setting = Setting::integer(
    "MCP_SHUTDOWN_GRACE_SECONDS",
    0,
    300,
    "How long running calls may go on once the server was told to end, in seconds",
)
.or("10");

pub(super) static SECTION: Section = Section {
    title: "Server",
    about: "What the server is, and how it ends.",
    settings: &[&CONFIG_FILE, &PROFILE, &TRANSPORT, &NAME_STYLE, &GRACE],
};

/// How clients attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The server is the client's child process.
    Stdio,
    /// Streamable HTTP.
    Http,
}

/// How tools are named in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameStyle {
    /// With dots, except to clients known to refuse them.
    #[default]
    Auto,
    /// The documented names.
    Dotted,
    /// The client-safe spellings.
    Underscore,
}

/// What the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// `MCP_PROFILE`.
    pub profile: Profile,
    /// `MCP_TRANSPORT`.
    pub transport: Transport,
    /// `MCP_TOOL_NAME_STYLE`.
    pub name_style: NameStyle,
    /// `MCP_SHUTDOWN_GRACE_SECONDS`, 0 to 300 s.
    pub shutdown_grace: Duration,
}

impl Server {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            profile: match values.word(&PROFILE)? {
                "enterprise" => Profile::Enterprise,
                _ => Profile::Mvp,
            },
            transport: match values.word(&TRANSPORT)? {
                "http" => Transport::Http,
                _ => Transport::Stdio,
            },
            name_style: match values.word(&NAME_STYLE)? {
                "dotted" => NameStyle::Dotted,
                "underscore" => NameStyle::Underscore,
                _ => NameStyle::Auto,
            },
            shutdown_grace: values.seconds(&GRACE)?,
        })
    }
}
