//! Configuration: one struct for each section, compiled in every build, so that a setting for a part that
//! is not compiled in is understood and answered, not taken for a mistake.
//!
//! Each setting is declared once, beside the struct it ends up in (see [`setting`]). [`Values`] holds what
//! was set and by whom; [`Config::read`] understands it. Only [`load`](mod@load) touches files.

pub mod audit;
pub mod auth;
mod convert;
pub mod docker;
pub mod error;
pub mod guard;
pub mod http;
#[cfg(feature = "cli")]
pub mod load;
mod pending;
pub mod sandbox;
pub mod section;
pub mod server;
pub mod setting;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod value;
pub mod values;

pub use audit::Audit;
pub use auth::{Auth, Jwt};
pub use docker::Docker;
pub use error::ConfigError;
pub use http::Http;
#[cfg(feature = "cli")]
pub use load::{Sources, load};
pub use sandbox::{Engine, Sandbox};
pub use section::{SECTIONS, Section, settings};
pub use server::{NameStyle, Server, Transport};
pub use setting::Setting;
pub use source::{ProcessEnvironment, Strings};
pub use store::{Backend, Postgres, Store};
pub use telemetry::{LogFormat, Telemetry};
pub use upstream::Upstream;
pub use value::Memory;
pub use values::{Origin, Values};

use crate::domain::{GuardLimits, Profile};

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the server is.
    pub server: Server,
    /// The HTTP transport.
    pub http: Http,
    /// The registry of tools.
    pub store: Store,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Where Docker's daemon is.
    pub docker: Docker,
    /// The execution guard.
    pub guard: GuardLimits,
    /// Who may attach and who may change the registry.
    pub auth: Auth,
    /// The audit log.
    pub audit: Audit,
    /// Other MCP servers.
    pub upstream: Upstream,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Sentences to log at the start: what was set and has no effect.
    pub warnings: Vec<String>,
}

impl Config {
    /// Understands what was set; the first mistake ends it.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        if values.is_word(&sandbox::ENGINE, "node") {
            return Err(ConfigError::Refused {
                name: sandbox::ENGINE.name,
                value: "node",
                why: "that engine ran untrusted code with the server's own rights; use auto or embedded",
            });
        }
        for setting in settings() {
            values.check(setting)?;
        }
        pending::check(values)?;
        let server = Server::read(values)?;
        let audit = Audit::read(values, server.profile)?;
        let upstream = Upstream::read(values)?;
        let mut warnings = values.warnings().to_vec();
        if values.origin(&sandbox::DOCKER_BIN).is_some() {
            warnings.push(format!(
                "{} has no effect: Docker is spoken to directly, without its command",
                sandbox::DOCKER_BIN.name
            ));
        }
        let auth = Auth::read(values, &server)?;
        if auth.jwt.is_some() && server.transport == Transport::Stdio {
            warnings.push(format!(
                "{}=jwt has no effect over stdio: whoever started the server is who uses it",
                auth::MODE.name
            ));
        }
        if upstream.attach && !server.profile.includes(Profile::Enterprise) {
            warnings.push(format!(
                "{} has no effect: other servers are attached in the enterprise profile only",
                upstream::ATTACH.name
            ));
        }
        Ok(Self {
            http: Http::read(values)?,
            store: Store::read(values)?,
            sandbox: Sandbox::read(values)?,
            docker: Docker::read(values)?,
            guard: guard::read(values)?,
            auth,
            audit,
            upstream,
            telemetry: Telemetry::read(values)?,
            warnings,
            server,
        })
    }
}
