//! Gets what an issuer publishes, its keys above all, over HTTPS, within limits of size and time.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs::default_provider;
use url::Url;

use super::key_set::KeySet;
use crate::ports::BoxError;

/// Largest answer, in bytes. A key has about 500.
const MAX_BYTES: usize = 256 * 1024;

/// How long a connection that was used may be kept for the next time.
const IDLE: Duration = Duration::from_secs(30);

/// Where the keys are.
#[derive(Debug)]
pub(super) struct Source {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    timeout: Duration,
}

impl Source {
    /// `timeout`: for the whole answer.
    pub(super) fn new(url: &Url, timeout: Duration) -> Result<Self, BoxError> {
        Ok(Self {
            uri: url.as_str().parse()?,
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(1)
                .build(connector()?),
            timeout,
        })
    }

    /// Gets the keys. An error says what the server did, without its address.
    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        KeySet::parse(&self.get_in_time().await?).map_err(str::to_owned)
    }

    /// Gets what is there.
    pub(super) async fn get_in_time(&self) -> Result<Bytes, String> {
        let late = || format!("it did not answer within {:?}", self.timeout);
        tokio::time::timeout(self.timeout, self.get()).await.map_err(|_| late())?
    }

    async fn get(&self) -> Result<Bytes, String> {
        let request = Request::get(&self.uri)
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("dynamic-mcp/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| root(&error))?;
        // A redirect is not followed: where the keys are is for the operator to say.
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        Ok(body.map_err(|error| root(&*error))?.to_bytes())
    }
}

/// The machine's own certificate authorities, which know a company's; where there are none, as in a bare
/// container, Mozilla's.
fn connector() -> Result<HttpsConnector<HttpConnector>, BoxError> {
    let native = HttpsConnectorBuilder::new().with_provider_and_native_roots(default_provider());
    let builder = match native {
        Ok(builder) => builder,
        Err(error) => {
            tracing::debug!(%error, "no certificate authorities on this machine");
            HttpsConnectorBuilder::new().with_provider_and_webpki_roots(default_provider())?
        }
    };
    Ok(builder.https_or_http().enable_http1().build())
}

/// What began it: the outer errors only say that there was one.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
