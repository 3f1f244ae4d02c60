//! Streamable HTTP, to addresses that may be reached only.
//!
//! A name is resolved here, and the connection goes to an address that was checked; an address in the URL itself
//! never meets a resolver and is checked before. A redirect is followed only within the origin, so that headers
//! with secrets go nowhere else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use url::Host;

use super::connect::ClientOptions;
use super::fault::FORBIDDEN;
use super::traced::Traced;
use crate::domain::network::is_public;
use crate::domain::upstream::HttpSpec;
use crate::ports::UpstreamError;

/// Longest wait for a TCP and TLS connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Most hops of one request.
const MAX_REDIRECTS: usize = 5;
/// Most requests to one server at once. What is over it waits, within its own time limit.
const MAX_REQUESTS: usize = 32;
/// Most of an error's body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 8 << 10;

pub(super) fn transport(
    spec: &HttpSpec,
    options: &ClientOptions,
) -> Result<StreamableHttpClientTransport<Traced>, UpstreamError> {
    let url = spec.url.as_url();
    let port = url.port_or_known_default().unwrap_or_default();
    let listed = url.host_str().is_some_and(|host| options.private_hosts.allow(host, port));
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    if let Some(address) = literal.filter(|address| !listed && !is_public(*address)) {
        return Err(UpstreamError::Forbidden(refusal(&address.to_string())));
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT)
        .redirect(Policy::custom(same_origin))
        .dns_resolver(Checked { any: listed })
        .build()
        .map_err(|_| UpstreamError::Unavailable("no HTTP client could be made".to_owned()))?;
    let mut headers = HashMap::new();
    for (name, value) in &spec.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.expose());
        let (Ok(name), Ok(mut value)) = (name, value) else {
            let message = "one of its headers can't be sent: attach it anew".to_owned();
            return Err(UpstreamError::Forbidden(message));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_concurrent_requests(MAX_REQUESTS);
    config.custom_headers = headers;
    config.max_sse_event_size = options.max_message_bytes;
    config.max_json_response_size = options.max_message_bytes;
    config.max_error_response_size = MAX_ERROR_BYTES;
    Ok(StreamableHttpClientTransport::with_client(Traced(client), config))
}

fn refusal(what: &str) -> String {
    format!(
        "{FORBIDDEN}{what} is not on the public internet; the operator lists hosts that may be reached all the \
         same in MCP_UPSTREAM_PRIVATE_HOSTS"
    )
}

/// The method and the body are kept by these two alone.
fn same_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let keeps =
        matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let first = attempt.previous().first();
    let same = first.is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps && same && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// Resolves names to addresses that may be reached.
struct Checked {
    /// The host was listed by the operator.
    any: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let any = self.any;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| any || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(refusal(name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
