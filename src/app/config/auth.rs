//! Who may attach, and who may change the registry.

use secrecy::SecretString;
use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::server::{Server, Transport};
use super::setting::{Item, Kind, Setting};
use super::values::Values;
use crate::domain::Profile;

/// `MCP_AUTH_MODE`.
pub static MODE: Setting = Setting::word(
    "MCP_AUTH_MODE",
    &["none", "jwt"],
    "How HTTP clients show who they are: not at all, or by an OAuth access token",
)
.or("none");
/// `MCP_AUTH_JWKS_URL`.
pub static JWKS_URL: Setting =
    Setting::of("MCP_AUTH_JWKS_URL", Kind::Url, "Where the issuer's keys are").or_note("none");
/// `MCP_AUTH_ISSUER`.
pub static ISSUER: Setting =
    Setting::of("MCP_AUTH_ISSUER", Kind::Text, "The tokens' `iss`").or_note("none");
/// `MCP_AUTH_AUDIENCE`.
pub static AUDIENCE: Setting =
    Setting::of("MCP_AUTH_AUDIENCE", Kind::Text, "The tokens' `aud`").or_note("none");
/// `MCP_AUTH_REQUIRED_SCOPES`.
pub static REQUIRED_SCOPES: Setting =
    Setting::list("MCP_AUTH_REQUIRED_SCOPES", Item::Text, "Scopes that every token must have")
        .or_note("none");
/// `MCP_AUTH_ADMIN_SCOPE`.
pub static ADMIN_SCOPE: Setting =
    Setting::of("MCP_AUTH_ADMIN_SCOPE", Kind::Text, "The scope that gives admin rights")
        .or_note("none");
/// `MCP_ADMIN_TOKEN`.
pub static ADMIN_TOKEN: Setting = Setting::of(
    "MCP_ADMIN_TOKEN",
    Kind::Text,
    "Where set, the management tools need it as their argument `adminToken`",
)
.secret()
.never_empty()
.or_note("none");
/// `MCP_REQUIRE_ADMIN_TOKEN`.
pub static REQUIRE_ADMIN_TOKEN: Setting =
    Setting::switch("MCP_REQUIRE_ADMIN_TOKEN", "Refuse to start without `MCP_ADMIN_TOKEN`")
        .or_note("`true` for the enterprise profile over HTTP with JWT, else `false`");

pub(super) static SECTION: Section = Section {
    title: "Access",
    about: "Who may attach, and who may change the registry.",
    settings: &[
        &MODE,
        &JWKS_URL,
        &ISSUER,
        &AUDIENCE,
        &REQUIRED_SCOPES,
        &ADMIN_SCOPE,
        &ADMIN_TOKEN,
        &REQUIRE_ADMIN_TOKEN,
    ],
};

/// Who may attach, and who may change the registry.
#[derive(Debug, Clone)]
pub struct Auth {
    /// `MCP_AUTH_MODE`: `None` for `none`.
    pub jwt: Option<Jwt>,
    /// `MCP_ADMIN_TOKEN`; there is one where `MCP_REQUIRE_ADMIN_TOKEN` is on.
    pub admin_token: Option<SecretString>,
}

/// How access tokens are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    /// `MCP_AUTH_JWKS_URL`.
    pub jwks_url: Url,
    /// `MCP_AUTH_ISSUER`.
    pub issuer: String,
    /// `MCP_AUTH_AUDIENCE`.
    pub audience: String,
    /// `MCP_AUTH_REQUIRED_SCOPES`.
    pub required_scopes: Vec<String>,
    /// `MCP_AUTH_ADMIN_SCOPE`.
    pub admin_scope: Option<String>,
}

impl Auth {
    pub(super) fn read(values: &Values, server: &Server) -> Result<Self, ConfigError> {
        let jwt = match values.word(&MODE)? {
            "jwt" => Some(Jwt::read(values)?),
            _ => None,
        };
        let fleet = server.profile == Profile::Enterprise && server.transport == Transport::Http;
        let required = values.switch(&REQUIRE_ADMIN_TOKEN, fleet && jwt.is_some())?;
        let admin_token = values.secret(&ADMIN_TOKEN)?;
        if required && admin_token.is_none() {
            let because = match values.origin(&REQUIRE_ADMIN_TOKEN) {
                Some(origin) => format!("by {}=true (set by {origin})", REQUIRE_ADMIN_TOKEN.name),
                None => format!(
                    "by the enterprise profile over HTTP with JWT; set {}=false to do without",
                    REQUIRE_ADMIN_TOKEN.name
                ),
            };
            return Err(ConfigError::Missing { name: ADMIN_TOKEN.name, because });
        }
        Ok(Self { jwt, admin_token })
    }
}

impl Jwt {
    fn read(values: &Values) -> Result<Self, ConfigError> {
        fn need<T>(value: Option<T>, setting: &Setting) -> Result<T, ConfigError> {
            let because = || format!("by {}=jwt", MODE.name);
            value.ok_or_else(|| ConfigError::Missing { name: setting.name, because: because() })
        }
        Ok(Self {
            jwks_url: need(values.url(&JWKS_URL)?, &JWKS_URL)?,
            issuer: need(values.optional_text(&ISSUER)?, &ISSUER)?,
            audience: need(values.optional_text(&AUDIENCE)?, &AUDIENCE)?,
            required_scopes: values.list(&REQUIRED_SCOPES)?,
            admin_scope: values.optional_text(&ADMIN_SCOPE)?,
        })
    }
}
