//! Docker: where its daemon is, where npm packages come from, and what interactive sandboxes may reach.

use std::path::PathBuf;

use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
use super::value::Memory;
use super::values::Values;

/// `DOCKER_HOST`.
pub static HOST: Setting = Setting::of(
    "DOCKER_HOST",
    Kind::Text,
    "The address of the daemon, such as `unix:///run/user/1000/docker.sock` or `tcp://host:2376`",
)
.or_note("that of the current Docker context, or the first usual socket that is there: Docker's, rootless Docker's, Podman's");
/// `DOCKER_CONTEXT`.
pub static CONTEXT: Setting = Setting::of(
    "DOCKER_CONTEXT",
    Kind::Text,
    "The Docker context to use; `DOCKER_HOST` comes first",
)
.or_note("the current one");
/// `DOCKER_CONFIG`.
pub static CONFIG: Setting =
    Setting::of("DOCKER_CONFIG", Kind::File, "The folder of Docker's own configuration")
        .or_note("`.docker` in the home folder");
/// `DOCKER_TLS_VERIFY`.
pub static TLS_VERIFY: Setting = Setting::of(
    "DOCKER_TLS_VERIFY",
    Kind::Text,
    "With any text, also `0`: speak TLS to `DOCKER_HOST` and verify its certificate",
)
.or_note("no TLS");
/// `DOCKER_CERT_PATH`.
pub static CERT_PATH: Setting = Setting::of(
    "DOCKER_CERT_PATH",
    Kind::File,
    "The folder with `ca.pem`, `cert.pem` and `key.pem` for TLS",
)
.or_note("the folder of Docker's own configuration");

/// `MCP_SANDBOX_NPM_REGISTRY`.
pub static NPM_REGISTRY: Setting =
    Setting::of("MCP_SANDBOX_NPM_REGISTRY", Kind::Url, "The registry that npm packages come from")
        .or_note("npm's own");
/// `MCP_SANDBOX_EXTRA_CA_FILE`.
pub static EXTRA_CA_FILE: Setting = Setting::of(
    "MCP_SANDBOX_EXTRA_CA_FILE",
    Kind::File,
    "A PEM file with certificates of authorities that npm trusts beside the usual ones, as a TLS proxy needs",
)
.or_note("none");
/// `MCP_SANDBOX_DEPENDENCY_CACHE`.
pub static DEPENDENCY_CACHE: Setting = Setting::of(
    "MCP_SANDBOX_DEPENDENCY_CACHE",
    Kind::Memory { min: 1 << 20, max: 1 << 40 },
    "Most disk for all installed npm packages; those not used for longest go first",
)
.or("2g");
/// `MCP_SANDBOX_SESSION_NETWORK`.
pub static SESSION_NETWORK: Setting = Setting::word(
    "MCP_SANDBOX_SESSION_NETWORK",
    &["none", "bridge"],
    "The network of interactive sandboxes. `bridge`: all that the Docker host reaches",
)
.or("none");

pub(super) static SECTION: Section = Section {
    title: "Docker",
    about: "For the docker engine and sandbox sessions. `DOCKER_*` is read as the `docker` command reads it.",
    settings: &[
        &HOST,
        &CONTEXT,
        &CONFIG,
        &TLS_VERIFY,
        &CERT_PATH,
        &NPM_REGISTRY,
        &EXTRA_CA_FILE,
        &DEPENDENCY_CACHE,
        &SESSION_NETWORK,
    ],
};

/// Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docker {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_CONFIG`.
    pub config: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// `MCP_SANDBOX_NPM_REGISTRY`.
    pub npm_registry: Option<Url>,
    /// `MCP_SANDBOX_EXTRA_CA_FILE`.
    pub extra_ca_file: Option<PathBuf>,
    /// `MCP_SANDBOX_DEPENDENCY_CACHE`, 1m to 1,024g.
    pub dependency_cache: Memory,
    /// Whether interactive sandboxes have a network (`MCP_SANDBOX_SESSION_NETWORK`).
    pub session_network: bool,
}

impl Docker {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            host: values.optional_text(&HOST)?,
            context: values.optional_text(&CONTEXT)?,
            config: values.optional_text(&CONFIG)?.map(PathBuf::from),
            tls_verify: values.optional_text(&TLS_VERIFY)?.is_some(),
            cert_path: values.optional_text(&CERT_PATH)?.map(PathBuf::from),
            npm_registry: values.url(&NPM_REGISTRY)?,
            extra_ca_file: values.optional_text(&EXTRA_CA_FILE)?.map(PathBuf::from),
            dependency_cache: values.memory(&DEPENDENCY_CACHE)?,
            session_network: values.word(&SESSION_NETWORK)? == "bridge",
        })
    }
}
