//! What the SDK says went wrong, in the port's terms and without secrets.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::ErrorData;
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpError;

use crate::domain::text::millis;
use crate::domain::upstream::UpstreamSpec;
use crate::ports::UpstreamError;

/// Longest message of a server, in characters.
const MAX_MESSAGE: usize = 500;
/// A secret shorter than this is no secret, and hiding it would make texts unreadable.
const MIN_SECRET: usize = 4;
/// How a failure's text begins where the transport was given up for a message over the limit.
pub(super) const OVERSIZED: &str = "a message over the limit of ";
/// How it begins where an address was refused.
pub(super) const FORBIDDEN: &str = "the address is refused: ";

/// Hides the secrets of one specification in texts. Cheap to clone.
#[derive(Clone)]
pub(super) struct Redactor(Arc<[String]>);

impl Redactor {
    pub(super) fn over(spec: &UpstreamSpec) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        for secret in spec.secrets() {
            // A scheme before the secret proper: `Bearer x`, `--token=x`.
            let parts = secret.split([' ', '=', '&']).chain([secret]);
            secrets.extend(parts.filter(|part| part.len() >= MIN_SECRET).map(str::to_owned));
        }
        // Longest first, so that no part of one stays.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets.into())
    }

    /// The text clipped, without secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in self.0.iter() {
            hidden = hidden.replace(secret.as_str(), "***");
        }
        if hidden.chars().count() > MAX_MESSAGE {
            hidden = hidden.chars().take(MAX_MESSAGE).chain(['…']).collect();
        }
        hidden
    }
}

pub(super) fn too_slow(limit: Duration) -> UpstreamError {
    UpstreamError::Timeout(millis(limit))
}

/// Why no connection came to be.
pub(super) fn of_start(error: &ClientInitializeError, redactor: &Redactor) -> UpstreamError {
    match error {
        ClientInitializeError::JsonRpcError(data) => refused(data, redactor),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            of_start(fallback, redactor)
        }
        ClientInitializeError::TransportError { error, .. } => of_transport(error, redactor),
        ClientInitializeError::ConnectionClosed(_) => closed(),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
            UpstreamError::Protocol("it has no revision of MCP that is spoken here".to_owned())
        }
        _ => UpstreamError::Protocol("its handshake is not that of an MCP server".to_owned()),
    }
}

/// Why a request was not answered.
pub(super) fn of_request(error: &ServiceError, redactor: &Redactor) -> UpstreamError {
    match error {
        ServiceError::McpError(data) if data.message.starts_with(OVERSIZED) => {
            UpstreamError::TooLarge(data.message.to_string())
        }
        ServiceError::McpError(data) => refused(data, redactor),
        ServiceError::TransportSend(error) => of_transport(error, redactor),
        ServiceError::Timeout { timeout } => too_slow(*timeout),
        ServiceError::Cancelled { .. } | ServiceError::TransportClosed => closed(),
        _ => UpstreamError::Protocol("it answered with something else than asked for".to_owned()),
    }
}

pub(super) fn closed() -> UpstreamError {
    UpstreamError::Unavailable("the connection to it was lost".to_owned())
}

fn refused(data: &ErrorData, redactor: &Redactor) -> UpstreamError {
    UpstreamError::Refused { code: data.code.0, message: redactor.redact(&data.message) }
}

/// From the innermost of its causes. What the HTTP client says itself is left out, since it names the URL.
fn of_transport(error: &(dyn Error + 'static), redactor: &Redactor) -> UpstreamError {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        next = cause.source();
        if let Some(StreamableHttpError::Client(http)) =
            cause.downcast_ref::<StreamableHttpError<reqwest::Error>>()
        {
            next = Some(http);
        } else if let Some(http) = cause.downcast_ref::<reqwest::Error>() {
            if let Some(status) = http.status() {
                return UpstreamError::Unavailable(format!("it answered HTTP {}", status.as_u16()));
            }
        } else {
            causes.push(cause.to_string());
        }
    }
    if let Some(why) = causes.iter().find_map(|cause| after(cause, FORBIDDEN)) {
        return UpstreamError::Forbidden(why);
    }
    let oversized = ["exceeded the maximum size", "event too large", "exceeds"];
    if causes.iter().any(|cause| oversized.iter().any(|word| cause.contains(word))) {
        return UpstreamError::TooLarge("a message over the limit".to_owned());
    }
    let last = causes.last().map_or("the connection failed", String::as_str);
    UpstreamError::Unavailable(redactor.redact(last))
}

fn after(text: &str, marker: &str) -> Option<String> {
    text.find(marker).and_then(|at| text.get(at..)).map(str::to_owned)
}
