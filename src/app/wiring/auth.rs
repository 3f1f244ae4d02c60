//! Who is let in over HTTP.

use std::sync::Arc;

use super::WiringError;
use crate::adapters::inbound::http::Access;
use crate::adapters::outbound::auth::{JwtRules, JwtVerifier, KeyTimes};
use crate::app::Lifecycle;
use crate::app::config::Config;

/// What asks for tokens, if the configuration does.
pub(super) fn access(
    config: &Config,
    lifecycle: &Lifecycle,
) -> Result<Option<Access>, WiringError> {
    let Some(jwt) = config.auth.jwt.clone() else { return Ok(None) };
    let rules = JwtRules {
        jwks_url: jwt.jwks_url,
        issuer: jwt.issuer.clone(),
        audience: jwt.audience,
        times: KeyTimes::default(),
    };
    let verifier = JwtVerifier::start(rules, &lifecycle.tasks, &lifecycle.stopped)
        .map_err(|error| WiringError::start(&*error))?;
    Ok(Some(Access {
        verifier: Arc::new(verifier),
        issuer: jwt.issuer,
        required_scopes: jwt.required_scopes,
        admin_scope: jwt.admin_scope,
    }))
}
