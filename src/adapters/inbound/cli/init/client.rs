//! The clients: where each keeps its configuration, in which form, and what it needs.
//!
//! From the clients' own documentation, November 2026: modelcontextprotocol.io (Claude Desktop),
//! code.claude.com/docs/en/mcp, code.visualstudio.com/docs/agents/reference/mcp-configuration,
//! cursor.com/docs/mcp, developers.openai.com/codex/mcp.

use std::path::PathBuf;

use super::entry::Entry;
use crate::adapters::inbound::cli::CommandError;
use crate::app::config::Strings;

/// A client that `init` can set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Claude Desktop.
    ClaudeDesktop,
    /// Claude Code.
    ClaudeCode,
    /// Visual Studio Code.
    VsCode,
    /// Cursor.
    Cursor,
    /// Codex: its command line, its IDE extension and its app share one file.
    Codex,
}

/// Where files are looked for.
#[derive(Debug, Clone)]
pub struct Places {
    /// The working directory: the project.
    pub directory: PathBuf,
    home: Option<PathBuf>,
    /// Where applications keep what is a user's own.
    applications: Option<PathBuf>,
    codex: Option<PathBuf>,
}

impl Places {
    /// As the environment says.
    pub fn new(environment: &dyn Strings, directory: PathBuf) -> Self {
        let path =
            |name: &str| environment.get(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let home = path("HOME").or_else(|| path("USERPROFILE"));
        let below = |rest: &str| home.as_ref().map(|home| home.join(rest));
        let applications = if cfg!(target_os = "macos") {
            below("Library/Application Support")
        } else if cfg!(windows) {
            path("APPDATA")
        } else {
            path("XDG_CONFIG_HOME").or_else(|| below(".config"))
        };
        let codex = path("CODEX_HOME").or_else(|| below(".codex"));
        Self { directory, home, applications, codex }
    }

    pub(super) fn home(&self) -> Result<&PathBuf, CommandError> {
        found(self.home.as_ref())
    }
}

fn found(place: Option<&PathBuf>) -> Result<&PathBuf, CommandError> {
    place.ok_or_else(|| {
        CommandError::new("the home directory is not known: set HOME, or name the file with --file")
    })
}

impl Client {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::ClaudeDesktop, Self::ClaudeCode, Self::VsCode, Self::Cursor, Self::Codex];

    /// As written on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude-desktop",
            Self::ClaudeCode => "claude-code",
            Self::VsCode => "vscode",
            Self::Cursor => "cursor",
            Self::Codex => "codex",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Claude Desktop",
            Self::ClaudeCode => "Claude Code",
            Self::VsCode => "VS Code",
            Self::Cursor => "Cursor",
            Self::Codex => "Codex",
        }
    }

    /// The file: of the project for Claude Code and VS Code, of the user for the others.
    pub(super) fn file(self, places: &Places) -> Result<PathBuf, CommandError> {
        Ok(match self {
            Self::ClaudeDesktop => {
                found(places.applications.as_ref())?.join("Claude/claude_desktop_config.json")
            }
            Self::ClaudeCode => places.directory.join(".mcp.json"),
            Self::VsCode => places.directory.join(".vscode/mcp.json"),
            Self::Cursor => places.home()?.join(".cursor/mcp.json"),
            Self::Codex => found(places.codex.as_ref())?.join("config.toml"),
        })
    }

    /// The object that servers are listed in.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::ClaudeDesktop | Self::ClaudeCode | Self::Cursor => "mcpServers",
            Self::VsCode => "servers",
            Self::Codex => "mcp_servers",
        }
    }

    pub(super) const fn is_toml(self) -> bool {
        matches!(self, Self::Codex)
    }

    /// Whether a server's entry says `"type": "stdio"`.
    pub(super) const fn names_transport(self) -> bool {
        matches!(self, Self::ClaudeCode | Self::VsCode | Self::Cursor)
    }

    /// The style of tool names that the client needs, where it can't do with the documented ones: these
    /// refuse a whole server for one name with a dot.
    pub(super) const fn name_style(self) -> Option<&'static str> {
        match self {
            Self::ClaudeDesktop | Self::Codex => Some("underscore"),
            Self::ClaudeCode | Self::VsCode | Self::Cursor => None,
        }
    }

    /// The client's own command for the same, where it has one that reaches further than the file.
    pub(super) fn command(self, name: &str, entry: &Entry) -> Option<String> {
        matches!(self, Self::ClaudeCode).then(|| match entry.url() {
            Some(url) => format!("claude mcp add --scope user --transport http {name} {url}"),
            None => format!("claude mcp add --scope user {name} -- {}", entry.command_line()),
        })
    }

    /// What is left to do.
    pub(super) const fn afterwards(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Quit Claude Desktop and start it again.",
            Self::ClaudeCode => {
                "Start claude in this directory, allow the server, and look at /mcp."
            }
            Self::VsCode => {
                "Open this directory in VS Code and start the server from .vscode/mcp.json."
            }
            Self::Cursor => "Restart Cursor and switch the server on in its MCP settings.",
            Self::Codex => "Start codex and look at /mcp.",
        }
    }
}
