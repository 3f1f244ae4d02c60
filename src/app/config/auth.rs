//! Who may attach, and who may change the registry.

use secrecy::SecretString;
use url::{Host, Url};

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
pub static JWKS_URL: Setting = Setting::of(
    "MCP_AUTH_JWKS_URL",
    Kind::Url,
    "Where the issuer's keys are: `https`, or `http` on this machine",
)
.or_note("none");
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
pub static ADMIN_SCOPE: Setting = Setting::of(
    "MCP_AUTH_ADMIN_SCOPE",
    Kind::Text,
    "The scope of a token that gives admin rights, which the management tools then need",
)
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
        .or_note("`true` for the enterprise profile over HTTP with JWT and no `MCP_AUTH_ADMIN_SCOPE`, else `false`");

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
        let scopeless = jwt.as_ref().is_some_and(|jwt| jwt.admin_scope.is_none());
        let required = values.switch(&REQUIRE_ADMIN_TOKEN, fleet && scopeless)?;
        let admin_token = values.secret(&ADMIN_TOKEN)?;
        if required && admin_token.is_none() {
            let because = match values.origin(&REQUIRE_ADMIN_TOKEN) {
                Some(origin) => format!("by {}=true (set by {origin})", REQUIRE_ADMIN_TOKEN.name),
                None => format!(
                    "by the enterprise profile over HTTP with JWT; or set {}, or set {}=false to do without",
                    ADMIN_SCOPE.name, REQUIRE_ADMIN_TOKEN.name
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
        let jwks_url = need(values.url(&JWKS_URL)?, &JWKS_URL)?;
        if jwks_url.scheme() != "https" && !is_loopback(&jwks_url) {
            let why = "whoever can change what is sent without TLS could sign tokens: use https";
            return Err(ConfigError::Unusable { name: JWKS_URL.name, why: why.to_owned() });
        }
        let required_scopes = values.list(&REQUIRED_SCOPES)?;
        let admin_scope = values.optional_text(&ADMIN_SCOPE)?;
        for (setting, scope) in required_scopes
            .iter()
            .map(|scope| (&REQUIRED_SCOPES, scope))
            .chain(admin_scope.iter().map(|scope| (&ADMIN_SCOPE, scope)))
        {
            if !is_scope(scope) {
                let why =
                    format!("{scope:?} is no scope: one has no blanks, quotes or backslashes");
                return Err(ConfigError::Unusable { name: setting.name, why });
            }
        }
        Ok(Self {
            jwks_url,
            issuer: need(values.optional_text(&ISSUER)?, &ISSUER)?,
            audience: need(values.optional_text(&AUDIENCE)?, &AUDIENCE)?,
            required_scopes,
            admin_scope,
        })
    }
}

/// A scope-token of RFC 6749, appendix A.4.
fn is_scope(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(is_part)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
