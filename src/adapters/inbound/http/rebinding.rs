//! Keeps out requests that a web page made without its user's will: the headers `Host` and `Origin`.
//!
//! A page can send requests to a server on the visitor's machine, or, by pointing its own name at that
//! machine (DNS rebinding), even read the answers. Browsers then tell the truth in these two headers.
//! Probes and metrics are not checked: they change nothing and hold no secret.

use std::net::SocketAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use url::{Origin, Url};

use super::options::{BindError, HttpOptions};
use super::refusal::Refusal;

/// The names under which a machine knows itself.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What the two headers may carry.
#[derive(Debug)]
pub(super) struct Rebinding {
    /// `None`: not checked.
    hosts: Option<Vec<HostRule>>,
    origins: Vec<OriginRule>,
}

#[derive(Debug, PartialEq, Eq)]
struct HostRule {
    name: String,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum OriginRule {
    /// As a browser writes it.
    Exactly(String),
    /// `scheme://host` with any port.
    AnyPort { scheme: String, host: String },
}

impl Rebinding {
    /// The rules for a server that listens on `bound`.
    ///
    /// `Host` is checked where only this machine can reach the server, or where the operator has said which
    /// names are right. `Origin`, where a request has one, has to be the operator's, the public URL's or,
    /// on a loopback address, this server's own: another port of this machine is another program.
    pub(super) fn new(options: &HttpOptions, bound: SocketAddr) -> Result<Self, BindError> {
        let loopback = bound.ip().to_canonical().is_loopback();
        let mut hosts = Vec::new();
        let mut origins = Vec::new();
        if loopback {
            for name in LOOPBACK_NAMES {
                hosts.push(HostRule { name: name.to_owned(), port: None });
                let scheme = if options.tls.is_some() { "https" } else { "http" };
                let own = format!("{scheme}://{name}:{}", bound.port());
                origins.extend(OriginRule::parse(&own));
            }
        }
        for text in &options.allowed_hosts {
            hosts.push(HostRule::parse(text).ok_or_else(|| BindError::Setting {
                setting: "MCP_HTTP_ALLOWED_HOSTS",
                value: text.clone(),
                allowed: "a list of host names, each with or without a port",
            })?);
        }
        for text in &options.allowed_origins {
            origins.push(OriginRule::parse(text).ok_or_else(|| BindError::Setting {
                setting: "MCP_HTTP_ALLOWED_ORIGINS",
                value: text.clone(),
                allowed: "a list of scheme://host[:port], scheme://host:* or null",
            })?);
        }
        if let Some(url) = &options.public_url {
            let rules = HostRule::of(url).zip(OriginRule::parse(url.as_str()));
            let (host, origin) = rules.ok_or_else(|| BindError::Setting {
                setting: "MCP_PUBLIC_URL",
                value: url.to_string(),
                allowed: "an http or https URL",
            })?;
            hosts.push(host);
            origins.push(origin);
        }
        Ok(Self { hosts: (!hosts.is_empty()).then_some(hosts), origins })
    }

    /// Whether `Host` is checked at all.
    pub(super) fn checks_host(&self) -> bool {
        self.hosts.is_some()
    }

    /// Refuses a request whose headers are not among the allowed ones.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(uri, headers)?;
        let mut origins = headers.get_all(ORIGIN).iter();
        if origins.all(|origin| {
            origin.to_str().is_ok_and(|text| self.origins.iter().any(|rule| rule.admits(text)))
        }) {
            Ok(())
        } else {
            Err(forbidden("Forbidden: this Origin is not allowed"))
        }
    }

    /// Refuses a request that is addressed to a name which is not one of this server's.
    pub(super) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(rules) = &self.hosts {
            let host = host_of(uri, headers);
            if !host.is_some_and(|host| rules.iter().any(|rule| rule.admits(&host))) {
                return Err(forbidden("Forbidden: this Host is not allowed"));
            }
        }
        Ok(())
    }
}

fn forbidden(message: &'static str) -> Refusal {
    Refusal::other(StatusCode::FORBIDDEN, message)
}

/// Where a request is addressed. Two `Host` headers are nobody's; one does not count beside a target that names its
/// own (RFC 9112, section 3.2.2).
pub(super) fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => None,
        (host, None) => {
            let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
            uri.authority().cloned().or(host)
        }
    }
}

impl HostRule {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // A bare IPv6 address is a fair way to write one.
        let bracketed = text.parse::<std::net::Ipv6Addr>().map(|address| format!("[{address}]"));
        let authority = Authority::try_from(bracketed.as_deref().unwrap_or(text)).ok()?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return None;
        }
        Some(Self { name: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }

    fn of(url: &Url) -> Option<Self> {
        Some(Self { name: url.host_str()?.to_ascii_lowercase(), port: url.port() })
    }

    fn admits(&self, host: &Authority) -> bool {
        self.name.eq_ignore_ascii_case(host.host())
            && self.port.is_none_or(|port| host.port_u16() == Some(port))
    }
}

impl OriginRule {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "null" {
            return Some(Self::Exactly(text.to_owned()));
        }
        let any_port = text.strip_suffix(":*");
        let url = Url::parse(any_port.unwrap_or(text)).ok()?;
        if any_port.is_some() {
            let host = url.host_str()?.to_owned();
            return Some(Self::AnyPort { scheme: url.scheme().to_owned(), host });
        }
        match url.origin() {
            origin @ Origin::Tuple(..) => Some(Self::Exactly(origin.ascii_serialization())),
            // The scheme of an editor or an extension: browsers send the scheme and the host.
            Origin::Opaque(_) => {
                Some(Self::Exactly(format!("{}://{}", url.scheme(), url.host_str()?)))
            }
        }
    }

    fn admits(&self, origin: &str) -> bool {
        match self {
            Self::Exactly(allowed) => allowed.eq_ignore_ascii_case(origin),
            Self::AnyPort { scheme, host } => Url::parse(origin).is_ok_and(|url| {
                url.scheme() == scheme
                    && url.host_str().is_some_and(|name| name.eq_ignore_ascii_case(host))
            }),
        }
    }
}
