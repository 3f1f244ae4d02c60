//! Docker: where its daemon is.

use std::path::PathBuf;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
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

pub(super) static SECTION: Section = Section {
    title: "Docker",
    about: "Read as the `docker` command reads it, for the docker engine and sandbox sessions.",
    settings: &[&HOST, &CONTEXT, &CONFIG, &TLS_VERIFY, &CERT_PATH],
};

/// Docker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
}

impl Docker {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            host: values.optional_text(&HOST)?,
            context: values.optional_text(&CONTEXT)?,
            config: values.optional_text(&CONFIG)?.map(PathBuf::from),
            tls_verify: values.optional_text(&TLS_VERIFY)?.is_some(),
            cert_path: values.optional_text(&CERT_PATH)?.map(PathBuf::from),
        })
    }
}
