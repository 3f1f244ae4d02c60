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
        .dns_resolver(Checked { names: System, any: listed })
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

/// The names that this machine knows.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Resolves names to addresses that may be reached. Connections go to what comes from here, and to nothing else:
/// whatever a name means a moment later is checked then.
struct Checked<R> {
    names: R,
    /// The host was listed by the operator.
    any: bool,
}

impl<R: Resolve> Resolve for Checked<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, any) = (name.as_str().to_owned(), self.any);
        let found = self.names.resolve(name);
        Box::pin(async move {
            let found = found.await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| any || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(refusal(&host).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::net::TcpListener;

    use super::*;

    const PUBLIC: &str = "1.1.1.1:0";
    const OWN: &str = "127.0.0.1:0";

    /// A name server that answers each question otherwise.
    struct Fickle(Mutex<Vec<&'static [&'static str]>>);

    impl Resolve for Fickle {
        fn resolve(&self, _: Name) -> Resolving {
            let answer = self.0.lock().unwrap().pop().unwrap_or_default();
            let answer: Vec<SocketAddr> = answer.iter().map(|at| at.parse().unwrap()).collect();
            Box::pin(async move { Ok(Box::new(answer.into_iter()) as Addrs) })
        }
    }

    fn checked(answers: &[&'static [&'static str]], any: bool) -> Arc<Checked<Fickle>> {
        let names = Fickle(Mutex::new(answers.iter().rev().copied().collect()));
        Arc::new(Checked { names, any })
    }

    async fn looked_up(resolver: &Checked<Fickle>) -> Option<Vec<String>> {
        let found = resolver.resolve("rebound.example".parse().unwrap()).await.ok()?;
        Some(found.map(|address| address.to_string()).collect())
    }

    #[tokio::test]
    async fn a_name_that_comes_to_mean_this_machine_leads_nowhere() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://rebound.example:{}/", listener.local_addr().unwrap().port());
        let resolver = checked(&[&[PUBLIC], &[OWN], &[OWN, PUBLIC], &[OWN]], false);
        assert_eq!(looked_up(&resolver).await.unwrap(), [PUBLIC]);
        assert_eq!(looked_up(&resolver).await, None);
        assert_eq!(looked_up(&resolver).await.unwrap(), [PUBLIC]);
        let client = |resolver| {
            reqwest::Client::builder().no_proxy().dns_resolver(resolver).build().unwrap()
        };
        let error = client(resolver).get(&url).send().await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("is not on the public internet"), "{text}");

        // The same client gets there where the operator has listed the host: this is how it would be reached.
        let listed = client(checked(&[&[OWN]], true)).get(&url).send();
        tokio::select! {
            accepted = listener.accept() => drop(accepted.unwrap()),
            answer = listed => panic!("{answer:?}"),
        }
    }
}
