//! What a tool may ask of the host: origins, secrets and other tools, never more than the operator's ceiling.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::text::echo;

/// What a tool may ask of the host. Everything that is absent is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Permissions {
    /// Origins that the code may `fetch`, such as `https://api.example.com` or `https://*.example.com`; at
    /// most 64. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub net: Vec<String>,
    /// Secrets that the code may use, each only towards its hosts; at most 64. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretGrant>,
    /// Names of tools that the code may call, `*` standing for any characters, such as `text.*`; at most
    /// 64. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// One secret and where it may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretGrant {
    /// The secret's name: 1 to 64 of `A-Z`, `0-9` and `_`.
    pub name: String,
    /// Origins that requests with this secret may go to; at least one, each within `net`.
    pub hosts: Vec<String>,
}

/// The most that any tool may be granted: the operator's word, which no model can widen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ceiling {
    /// Allowed origins (`MCP_SANDBOX_ALLOWED_HOSTS`). Empty: no network.
    pub net: Vec<Origin>,
    /// Names of the secrets that exist.
    pub secrets: BTreeSet<String>,
}

/// Why permissions are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Not an origin.
    #[error("{0:?} is not an origin such as 'https://api.example.com' or 'https://*.example.com'")]
    Origin(String),
    /// Not a secret's name.
    #[error("{0:?} is not the name of a secret: use 1 to 64 of A-Z, 0-9 and '_'")]
    SecretName(String),
    /// A secret that may go nowhere, or beyond the tool's own `net`.
    #[error("the secret '{0}' needs hosts, each of them within the tool's own 'net'")]
    SecretHosts(String),
    /// Not a pattern of tool names.
    #[error("{0:?} is not a tool name or a pattern such as 'text.*'")]
    ToolPattern(String),
    /// Too many entries.
    #[error("at most {max} entries are allowed in permissions.{field}")]
    TooMany {
        /// The list that is too long.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// More than the operator grants.
    #[error("the operator does not grant {0}; ask for less or have the operator allow it")]
    BeyondCeiling(String),
}

/// `scheme://host[:port]`, where the host may begin with `*.` to stand for any subdomain (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    any_subdomain: bool,
    port: u16,
}

impl Origin {
    /// Parses an origin. Only `https` and `http`; no path, query, user or fragment.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let refuse = || PermissionError::Origin(text.chars().take(120).collect());
        // The URL parser forgives blanks, back-slashes and empty user names; an origin has none of them.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@')) {
            return Err(refuse());
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
        let (any_subdomain, rest) =
            rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| refuse())?;
        let bare = matches!(url.scheme(), "http" | "https")
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = url.host_str().filter(|host| !host.contains('*')).ok_or_else(refuse)?;
        let is_name = matches!(url.host(), Some(url::Host::Domain(_)));
        if !bare || rest.ends_with('/') || (any_subdomain && !(is_name && host.contains('.'))) {
            return Err(refuse());
        }
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host: host.to_owned(),
            any_subdomain,
            port: url.port_or_known_default().unwrap_or_default(),
        })
    }

    /// Whether everything that `other` stands for is also meant by `self`.
    pub fn covers(&self, other: &Self) -> bool {
        let host = if self.any_subdomain {
            let below = other.host.strip_suffix(&self.host).is_some_and(|sub| sub.ends_with('.'));
            below || (other.any_subdomain && other.host == self.host)
        } else {
            !other.any_subdomain && other.host == self.host
        };
        host && self.scheme == other.scheme && self.port == other.port
    }
}

impl Permissions {
    /// Most entries of each list.
    pub const MAX_ENTRIES: usize = 64;

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.net.is_empty() && self.secrets.is_empty() && self.tools.is_empty()
    }

    /// Checks the grammar of every entry, and that nothing goes beyond the ceiling.
    pub fn within(&self, ceiling: &Ceiling) -> Result<(), PermissionError> {
        for (field, len) in
            [("net", self.net.len()), ("secrets", self.secrets.len()), ("tools", self.tools.len())]
        {
            if len > Self::MAX_ENTRIES {
                return Err(PermissionError::TooMany { field, max: Self::MAX_ENTRIES });
            }
        }
        let net = self.net.iter().map(|text| Origin::parse(text)).collect::<Result<Vec<_>, _>>()?;
        for (origin, text) in net.iter().zip(&self.net) {
            if !ceiling.net.iter().any(|allowed| allowed.covers(origin)) {
                return Err(PermissionError::BeyondCeiling(format!("the origin '{text}'")));
            }
        }
        for secret in &self.secrets {
            secret.check(&net, ceiling)?;
        }
        match self.tools.iter().find(|pattern| !is_tool_pattern(pattern)) {
            Some(bad) => Err(PermissionError::ToolPattern(echo(bad))),
            None => Ok(()),
        }
    }
}

impl SecretGrant {
    fn check(&self, net: &[Origin], ceiling: &Ceiling) -> Result<(), PermissionError> {
        let name_ok = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !name_ok {
            return Err(PermissionError::SecretName(echo(&self.name)));
        }
        if self.hosts.is_empty() || self.hosts.len() > Permissions::MAX_ENTRIES {
            return Err(PermissionError::SecretHosts(self.name.clone()));
        }
        for host in &self.hosts {
            let host = Origin::parse(host)?;
            if !net.iter().any(|own| own.covers(&host)) {
                return Err(PermissionError::SecretHosts(self.name.clone()));
            }
        }
        if ceiling.secrets.contains(&self.name) {
            Ok(())
        } else {
            Err(PermissionError::BeyondCeiling(format!("the secret '{}'", self.name)))
        }
    }
}

fn is_tool_pattern(pattern: &str) -> bool {
    (1..=64).contains(&pattern.len())
        && pattern
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-' | b'*'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ceiling(net: &[&str], secrets: &[&str]) -> Ceiling {
        Ceiling {
            net: net.iter().map(|text| Origin::parse(text).unwrap()).collect(),
            secrets: secrets.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn net(origins: &[&str]) -> Permissions {
        Permissions {
            net: origins.iter().map(|&o| o.to_owned()).collect(),
            ..Permissions::default()
        }
    }

    #[test]
    fn nothing_is_always_within() {
        assert_eq!(Permissions::default().within(&Ceiling::default()), Ok(()));
    }

    #[test]
    fn origins_are_covered_by_equal_ones_and_by_wildcards() {
        let ceiling = ceiling(&["https://*.example.com", "http://127.0.0.1:8080"], &[]);
        for good in [
            "https://api.example.com",
            "https://a.b.example.com",
            "https://*.example.com",
            "https://*.api.example.com",
            "http://127.0.0.1:8080",
            "https://API.example.com:443",
        ] {
            assert_eq!(net(&[good]).within(&ceiling), Ok(()), "{good}");
        }
        for bad in [
            "https://example.com",
            "https://badexample.com",
            "http://api.example.com",
            "https://api.example.com:8443",
            "http://127.0.0.1",
            "https://*.com",
        ] {
            let refused = net(&[bad]).within(&ceiling).unwrap_err();
            assert!(
                refused.to_string().contains(bad) || matches!(refused, PermissionError::Origin(_)),
                "{refused}"
            );
        }
    }

    #[test]
    fn refuses_what_is_not_an_origin() {
        for bad in [
            "",
            "*",
            "https://",
            "example.com",
            "ftp://example.com",
            "https://a.com/x",
            "https://a.com/",
            "https://u:p@a.com",
            "https://@a.com",
            "https://a.\tcom",
            " https://a.com",
            "https:\\\\a.com",
            "https://a.com\\x",
            "https://*",
            "https://*.com*",
            "https://a.*.com",
            "https://a.com?x",
            "https://*.1.2.3.4",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_goes_only_where_the_tool_may_go() {
        let ceiling = ceiling(&["https://api.example.com"], &["TOKEN"]);
        let with = |name: &str, hosts: &[&str]| Permissions {
            secrets: vec![SecretGrant {
                name: name.to_owned(),
                hosts: hosts.iter().map(|&h| h.to_owned()).collect(),
            }],
            ..net(&["https://api.example.com"])
        };
        assert_eq!(with("TOKEN", &["https://api.example.com"]).within(&ceiling), Ok(()));
        assert!(with("TOKEN", &[]).within(&ceiling).is_err());
        assert!(with("TOKEN", &["https://evil.example.com"]).within(&ceiling).is_err());
        assert!(with("OTHER", &["https://api.example.com"]).within(&ceiling).is_err());
        assert!(with("token", &["https://api.example.com"]).within(&ceiling).is_err());
    }

    fn any_origin() -> impl Strategy<Value = String> {
        let host = prop::sample::select(vec![
            "a.example.com",
            "b.example.com",
            "example.com",
            "x.a.example.com",
            "127.0.0.1",
            "example.org",
        ]);
        let port = prop::sample::select(vec!["", ":443", ":8443"]);
        ("https?", prop::bool::weighted(0.3), host, port).prop_map(|(scheme, any, host, port)| {
            let any = if any && host != "127.0.0.1" { "*." } else { "" };
            format!("{scheme}://{any}{host}{port}")
        })
    }

    fn any_permissions() -> impl Strategy<Value = Permissions> {
        let secret = ("[AB]", prop::collection::vec(any_origin(), 1..3))
            .prop_map(|(name, hosts)| SecretGrant { name, hosts });
        (prop::collection::vec(any_origin(), 0..4), prop::collection::vec(secret, 0..2))
            .prop_map(|(net, secrets)| Permissions { net, secrets, tools: vec![] })
    }

    fn any_ceiling() -> impl Strategy<Value = Ceiling> {
        (prop::collection::vec(any_origin(), 0..6), prop::collection::btree_set("[AB]", 0..3))
            .prop_map(|(net, secrets)| Ceiling {
                net: net.iter().map(|text| Origin::parse(text).unwrap()).collect(),
                secrets,
            })
    }

    proptest! {
        #[test]
        fn what_is_within_stays_within_a_higher_ceiling(
            asked in any_permissions(), low in any_ceiling(), more in any_ceiling(),
        ) {
            if asked.within(&low).is_ok() {
                let mut high = low;
                high.net.extend(more.net);
                high.secrets.extend(more.secrets);
                prop_assert_eq!(asked.within(&high), Ok(()));
                let less = Permissions { secrets: vec![], ..asked.clone() };
                prop_assert_eq!(less.within(&high), Ok(()));
                prop_assert_eq!(Permissions { net: vec![], ..less }.within(&high), Ok(()));
            }
        }

        #[test]
        fn covering_is_an_order(a in any_origin(), b in any_origin(), c in any_origin()) {
            let [a, b, c] = [a, b, c].map(|text| Origin::parse(&text).unwrap());
            prop_assert!(a.covers(&a));
            prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
            prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b);
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "(?s)(https://)?.{0,40}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert!(origin.covers(&origin));
            }
        }
    }
}
