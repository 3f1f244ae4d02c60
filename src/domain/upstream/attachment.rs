//! An attachment as it is kept: the alias, and how the server is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use super::alias::Alias;
use crate::domain::Actor;

/// Shortest part of a path that may be a key, in bytes.
const MIN_KEY: usize = 20;

/// An attached server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Unlike any other attachment's, also of the same alias.
    pub id: String,
    /// What its tools' names begin with.
    pub alias: Alias,
    /// How it is reached.
    pub spec: UpstreamSpec,
    /// Longest run of a call, in milliseconds.
    pub timeout_ms: u32,
    /// Who attached it.
    pub actor: Actor,
    /// When.
    pub attached_at: DateTime<Utc>,
}

impl Attachment {
    /// Longest run of a call.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "transport", rename_all = "lowercase")]
pub enum UpstreamSpec {
    /// A program that is started here and spoken to over its standard streams.
    Stdio(StdioSpec),
    /// Streamable HTTP.
    Http(HttpSpec),
}

impl UpstreamSpec {
    /// The wire name of the transport.
    pub const fn transport(&self) -> &'static str {
        match self {
            Self::Stdio(_) => "stdio",
            Self::Http(_) => "http",
        }
    }

    /// What is reached, without anything that may be a secret: the program without its arguments, the URL
    /// without its query and without parts of its path that look like one.
    pub fn target(&self) -> String {
        match self {
            Self::Stdio(spec) => spec.command.clone(),
            Self::Http(spec) => {
                let url = spec.url.as_url();
                let path: Vec<_> = url
                    .path()
                    .split('/')
                    .map(|part| if is_key(part) { "***" } else { part })
                    .collect();
                format!("{}{}", &url[..Position::BeforePath], path.join("/"))
            }
        }
    }

    /// Names of environment variables or headers that are set; their values are never shown.
    pub fn secret_names(&self) -> Vec<String> {
        let secrets = match self {
            Self::Stdio(spec) => &spec.env,
            Self::Http(spec) => &spec.headers,
        };
        secrets.keys().cloned().collect()
    }

    /// Everything that must not be shown: values of variables and headers, arguments, the URL's query and what looks
    /// like a key in its path.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Stdio(spec) => {
                let env = spec.env.values().map(Secret::expose);
                env.chain(spec.args.iter().map(Secret::expose)).collect()
            }
            Self::Http(spec) => {
                let headers = spec.headers.values().map(Secret::expose);
                let url = spec.url.as_url();
                headers
                    .chain(url.query())
                    .chain(url.path().split('/').filter(|p| is_key(p)))
                    .collect()
            }
        }
    }
}

/// Whether a part of a path looks like the key that some services have there in the place of a header.
fn is_key(part: &str) -> bool {
    part.len() >= MIN_KEY && part.contains(|c: char| c.is_ascii_digit())
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StdioSpec {
    /// Its path, or a name to be found in `PATH`.
    pub command: String,
    /// Its arguments, which may hold secrets.
    pub args: Vec<Secret>,
    /// Its whole environment.
    pub env: BTreeMap<String, Secret>,
    /// Its working directory; `None`: the server's own.
    pub cwd: Option<String>,
}

/// An HTTP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSpec {
    /// Where.
    pub url: Endpoint,
    /// Sent with every request.
    pub headers: BTreeMap<String, Secret>,
}

/// A text that is never shown, only kept and used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// From its text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who has to use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The URL of an MCP server: `http` or `https`, a host, no user and no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Url);

/// Why a text is not an endpoint. Does not repeat it, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not such a URL.
    #[error("url must be an http or https URL with a host, such as https://mcp.example.com/mcp")]
    NotAUrl,
    /// It has a user or a password.
    #[error("url must not hold a user or a password: send them in headers, as Authorization")]
    Credentials,
}

impl Endpoint {
    /// Longest URL, in characters.
    pub const MAX_CHARS: usize = 2_000;

    /// Reads a URL; a fragment is dropped.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        if text.len() > Self::MAX_CHARS || !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The URL.
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..Position::BeforePath])
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0.into()
    }
}
