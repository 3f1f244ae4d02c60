//! Lets in who shows a good access token (RFC 6750), and tells everybody else how to get one.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::value::RawValue;

use super::auth_audit::AuthAudit;
use super::message::Message;
use super::options::HttpOptions;
use super::protected_resource::Resource;
use super::refusal::Refusal;
use crate::domain::{Caller, ErrorCode};
use crate::ports::{Accepted, AuditLog, HttpMetrics, TokenError, TokenVerifier};

/// Who is let in.
pub struct Access {
    /// Judges tokens.
    pub verifier: Arc<dyn TokenVerifier>,
    /// Who issues them: clients are sent there for one.
    pub issuer: String,
    /// Scopes that every token has to have.
    pub required_scopes: Vec<String>,
    /// A scope that lets its holder do more.
    pub admin: Option<AdminScope>,
}

/// A scope that lets its holder do more.
pub struct AdminScope {
    /// The scope.
    pub name: String,
    /// Is asked of calls by those who don't have it.
    pub demanded: Demand,
}

/// Says why a call of a tool, by this caller and with these arguments, is refused, if the admin scope would let it
/// through.
pub type Demand = Arc<dyn Fn(&Caller, &str, Option<&RawValue>) -> Option<String> + Send + Sync>;

/// Judges the credential of each request to the MCP endpoint.
pub(super) struct Authenticator {
    access: Access,
    resource: Resource,
    metrics: Arc<dyn HttpMetrics>,
    audit: AuthAudit,
}

/// Why a request's header holds no token.
#[derive(Clone, Copy)]
enum NoToken {
    /// There is no credential, or one of another scheme.
    Absent,
    /// It is there and can't be read.
    Malformed,
}

impl Authenticator {
    pub(super) fn new(
        access: Access,
        options: &HttpOptions,
        metrics: Arc<dyn HttpMetrics>,
        audit: Arc<dyn AuditLog>,
    ) -> Self {
        let resource = Resource::new(&access, options);
        Self { access, resource, metrics, audit: AuthAudit::new(audit) }
    }

    /// What clients have to know about this server to get a token for it.
    pub(super) const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Says who sent a request, or refuses it.
    pub(super) async fn authenticate(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Accepted, Refusal> {
        let invalid = |why: &str| {
            let message = format!("Unauthorized: {why}");
            let challenge = self.challenge(uri, headers, Some(("invalid_token", why)), None);
            Refusal::unauthenticated(message, challenge)
        };
        let token = bearer(headers);
        let judged = match token {
            Ok(token) => self.access.verifier.verify(token).await,
            Err(NoToken::Malformed) => Err(TokenError::Invalid("the bearer token is malformed")),
            Err(NoToken::Absent) => {
                self.metrics.authenticated(false);
                self.audit.refused(None, "no access token", ErrorCode::Unauthorized);
                let message = "Unauthorized: this server needs an access token".to_owned();
                let challenge = self.challenge(uri, headers, None, None);
                return Err(Refusal::unauthenticated(message, challenge).closing());
            }
        };
        let accepted = match judged {
            Ok(accepted) => accepted,
            Err(TokenError::Invalid(why)) => {
                self.metrics.authenticated(false);
                self.audit.refused(None, why, ErrorCode::Unauthorized);
                return Err(invalid(why).closing());
            }
            Err(TokenError::Unavailable(why)) => {
                self.audit.refused(None, why, ErrorCode::Unauthorized);
                return Err(Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, why).closing());
            }
        };
        let caller = &accepted.caller;
        let has = |scope: &String| caller.scopes.contains(scope);
        if !self.access.required_scopes.iter().all(has) {
            self.metrics.authenticated(false);
            let needed = self.access.required_scopes.join(" ");
            let message = format!("Forbidden: the token lacks a scope; needed are {needed}");
            let why = "the token lacks a scope";
            self.audit.refused(Some(caller), why, ErrorCode::Forbidden);
            let challenge = self.challenge(uri, headers, Some(("insufficient_scope", why)), None);
            return Err(Refusal::scope_missing(message, challenge).closing());
        }
        self.metrics.authenticated(true);
        self.audit.accepted(token.unwrap_or_default(), caller);
        Ok(accepted)
    }

    /// Refuses a call that needs the admin scope, and says so in a way in which the client can get it.
    pub(super) fn step_up(
        &self,
        caller: &Caller,
        message: &Message<'_>,
        body: &[u8],
        (uri, headers): (&Uri, &HeaderMap),
    ) -> Result<(), Refusal> {
        let Some(admin) = &self.access.admin else { return Ok(()) };
        if !message.is_call() || caller.scopes.contains(&admin.name) {
            return Ok(());
        }
        let Some((name, arguments)) = Message::called(body) else { return Ok(()) };
        let Some(why) = (admin.demanded)(caller, &name, arguments) else { return Ok(()) };
        let error = Some(("insufficient_scope", "this tool needs the admin scope"));
        let challenge = self.challenge(uri, headers, error, Some(&admin.name));
        Err(Refusal::scope_missing(format!("Forbidden: {why}"), challenge))
    }

    /// The header `WWW-Authenticate` (RFC 6750, section 3; RFC 9728, section 5.1). `more`: a scope that is needed beside
    /// those that every token needs.
    fn challenge(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        error: Option<(&str, &str)>,
        more: Option<&str>,
    ) -> HeaderValue {
        let mut parts = Vec::new();
        if let Some((error, why)) = error {
            parts.push(format!("error=\"{error}\", error_description=\"{why}\""));
        }
        let required = self.access.required_scopes.iter().map(String::as_str);
        let needed: Vec<&str> = required.chain(more).collect();
        if !needed.is_empty() {
            parts.push(format!("scope=\"{}\"", needed.join(" ")));
        }
        if let Some(url) = self.resource.metadata_url(uri, headers) {
            parts.push(format!("resource_metadata=\"{url}\""));
        }
        let text = if parts.is_empty() {
            "Bearer".to_owned()
        } else {
            format!("Bearer {}", parts.join(", "))
        };
        // Scopes are the operator's and were checked; the fallback only spares a panic.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// The token in the header `Authorization`.
fn bearer(headers: &HeaderMap) -> Result<&str, NoToken> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().map_err(|_| NoToken::Malformed)?,
        (None, _) => return Err(NoToken::Absent),
        // Which of two is meant, nobody can tell.
        (Some(_), Some(_)) => return Err(NoToken::Malformed),
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(NoToken::Absent);
    }
    let token = token.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(NoToken::Malformed);
    }
    Ok(token)
}
