//! The HTTP transport.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Item, Kind, Setting};
use super::values::Values;

/// `MCP_HOST`.
pub static HOST: Setting =
    Setting::of("MCP_HOST", Kind::Host, "The address to listen on").or("127.0.0.1");
/// `MCP_PORT`.
pub static PORT: Setting =
    Setting::integer("MCP_PORT", 1, 65_535, "The port to listen on").alias("PORT").or("8788");
/// `MCP_PATH`.
pub static PATH: Setting =
    Setting::of("MCP_PATH", Kind::UrlPath, "The path of the MCP endpoint").or("/mcp");
/// `MCP_HTTP_SESSION_TTL_SECONDS`.
pub static SESSION_TTL: Setting = Setting::integer(
    "MCP_HTTP_SESSION_TTL_SECONDS",
    1,
    604_800,
    "After how many idle seconds a session ends; an open stream or a running call is not idle",
)
.or("1800");
/// `MCP_HTTP_MAX_SESSIONS`.
pub static MAX_SESSIONS: Setting =
    Setting::integer("MCP_HTTP_MAX_SESSIONS", 1, 100_000, "Most sessions at once").or("10000");
/// `MCP_HTTP_MAX_REQUEST_BYTES`.
pub static MAX_REQUEST_BYTES: Setting =
    Setting::integer("MCP_HTTP_MAX_REQUEST_BYTES", 1, 16_777_216, "Largest request body, in bytes")
        .or("1048576");
/// `MCP_HTTP_ALLOWED_ORIGINS`.
pub static ALLOWED_ORIGINS: Setting = Setting::list(
    "MCP_HTTP_ALLOWED_ORIGINS",
    Item::BrowserOrigin,
    "Origins of web pages that may send requests; a request without an `Origin` comes from no web page",
)
.or_note("none but that of `MCP_PUBLIC_URL`");
/// `MCP_HTTP_ALLOWED_HOSTS`.
pub static ALLOWED_HOSTS: Setting = Setting::list(
    "MCP_HTTP_ALLOWED_HOSTS",
    Item::Host,
    "Values of `Host` that are answered",
)
.or_note("the loopback names when listening on loopback; else that of `MCP_PUBLIC_URL`; else any, with a warning");
/// `MCP_PUBLIC_URL`.
pub static PUBLIC_URL: Setting = Setting::of(
    "MCP_PUBLIC_URL",
    Kind::Url,
    "The URL under which clients reach the server, where that is not the address it listens on",
)
.or_note("none");
/// `MCP_TLS_CERT`.
pub static TLS_CERT: Setting = Setting::of(
    "MCP_TLS_CERT",
    Kind::File,
    "The server's certificate chain (PEM); a new one is taken in within a minute",
)
.or_note("no TLS");
/// `MCP_TLS_KEY`.
pub static TLS_KEY: Setting =
    Setting::of("MCP_TLS_KEY", Kind::File, "The certificate's private key (PEM)").or_note("no TLS");

pub(super) static SECTION: Section = Section {
    title: "HTTP",
    about: "Read when `MCP_TRANSPORT=http`.",
    settings: &[
        &HOST,
        &PORT,
        &PATH,
        &SESSION_TTL,
        &MAX_SESSIONS,
        &MAX_REQUEST_BYTES,
        &ALLOWED_ORIGINS,
        &ALLOWED_HOSTS,
        &PUBLIC_URL,
        &TLS_CERT,
        &TLS_KEY,
    ],
};

/// The HTTP transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// `MCP_HOST`: a host name or an IP address.
    pub host: String,
    /// `MCP_PORT`. 0, which no setting gives, stands for any free port.
    pub port: u16,
    /// `MCP_PATH`: begins with a slash, and ends with one only if it is nothing else.
    pub path: String,
    /// `MCP_HTTP_SESSION_TTL_SECONDS`, 1 s to 7 days.
    pub session_ttl: Duration,
    /// `MCP_HTTP_MAX_SESSIONS`, 1 to 100,000.
    pub max_sessions: usize,
    /// `MCP_HTTP_MAX_REQUEST_BYTES`, up to 16 MiB.
    pub max_request_bytes: usize,
    /// `MCP_HTTP_ALLOWED_ORIGINS`, each as `scheme://host[:port]`.
    pub allowed_origins: Vec<String>,
    /// `MCP_HTTP_ALLOWED_HOSTS`, each as `host` or `host:port`.
    pub allowed_hosts: Vec<String>,
    /// `MCP_PUBLIC_URL`: `http` or `https`.
    pub public_url: Option<Url>,
    /// `MCP_TLS_CERT` and `MCP_TLS_KEY`; `None`: no TLS.
    pub tls: Option<TlsPaths>,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    /// `MCP_TLS_CERT`.
    pub certificate: PathBuf,
    /// `MCP_TLS_KEY`.
    pub key: PathBuf,
}

impl TlsPaths {
    fn read(values: &Values) -> Result<Option<Self>, ConfigError> {
        let missing = |name, other: &Setting| ConfigError::Missing {
            name,
            because: format!("by {}", other.name),
        };
        match (values.optional_text(&TLS_CERT)?, values.optional_text(&TLS_KEY)?) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some(Self { certificate: certificate.into(), key: key.into() }))
            }
            (None, Some(_)) => Err(missing(TLS_CERT.name, &TLS_KEY)),
            (Some(_), None) => Err(missing(TLS_KEY.name, &TLS_CERT)),
        }
    }
}

impl Http {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            host: values.text(&HOST)?,
            port: values.number(&PORT)?,
            path: values.text(&PATH)?,
            session_ttl: values.seconds(&SESSION_TTL)?,
            max_sessions: values.number(&MAX_SESSIONS)?,
            max_request_bytes: values.number(&MAX_REQUEST_BYTES)?,
            allowed_origins: values.list(&ALLOWED_ORIGINS)?,
            allowed_hosts: values.list(&ALLOWED_HOSTS)?,
            public_url: values.url(&PUBLIC_URL)?,
            tls: TlsPaths::read(values)?,
        })
    }
}
