//! Who is let in over HTTP, and whether what that takes is there.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use super::WiringError;
use super::transport::tls_files;
use crate::adapters::inbound::cli::doctor::{self, Look};
use crate::adapters::inbound::http::{self, Access, AdminScope, Demand};
use crate::adapters::inbound::mcp::McpServer;
use crate::adapters::outbound::auth::{self, JwtRules, JwtVerifier, KeyTimes};
use crate::adapters::outbound::clock::SystemClock;
use crate::app::Lifecycle;
use crate::app::config::auth::Jwt;
use crate::app::config::{Config, Transport};
use crate::ports::Clock as _;

/// A certificate that ends so soon is told of.
const SOON: Duration = Duration::from_hours(14 * 24);

/// What asks for tokens, if the configuration does.
pub(super) fn access(
    config: &Config,
    lifecycle: &Lifecycle,
    face: &McpServer,
) -> Result<Option<Access>, WiringError> {
    let Some(jwt) = config.auth.jwt.clone() else { return Ok(None) };
    let rules = rules(&jwt);
    let clock = Arc::new(SystemClock);
    let verifier = JwtVerifier::start(rules, clock, &lifecycle.tasks, &lifecycle.stopped)
        .map_err(|error| WiringError::start(&*error))?;
    Ok(Some(Access {
        verifier: Arc::new(verifier),
        issuer: jwt.issuer,
        required_scopes: jwt.required_scopes,
        admin: jwt.admin_scope.map(|name| {
            let face = face.session();
            let demanded: Demand = Arc::new(move |caller, tool, arguments| {
                face.demands_admin(caller, tool, arguments)
            });
            AdminScope { name, demanded }
        }),
    }))
}

fn rules(jwt: &Jwt) -> JwtRules {
    JwtRules {
        jwks_url: jwt.jwks_url.clone(),
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        times: KeyTimes::default(),
    }
}

/// Tries out what the settings name: the issuer, and the certificate.
pub(super) async fn examine(config: &Config) -> doctor::Access {
    if config.server.transport != Transport::Http {
        return doctor::Access::default();
    }
    let (mut keys, mut issuer) = (None, None);
    if let Some(jwt) = &config.auth.jwt {
        let rules = rules(jwt);
        let of = |detail| format!("{}: {detail}", rules.jwks_url);
        let (found, known) = tokio::join!(auth::examine_keys(&rules), auth::examine_issuer(&rules));
        keys = Some(found.map_or_else(|why| Look::Broken(of(why)), |what| Look::Works(of(what))));
        // Some issuers tell their clients otherwise.
        let of = |detail| format!("{}: {detail}", rules.issuer);
        issuer =
            Some(known.map_or_else(|why| Look::Attention(of(why)), |what| Look::Works(of(what))));
    }
    let certificate = config.http.tls.clone().map(|paths| {
        let files = tls_files(paths);
        let now = SystemClock.now().signed_duration_since(DateTime::UNIX_EPOCH).to_std();
        let now = now.unwrap_or_default();
        let path = files.certificate.display();
        match (
            http::examine_certificate(&files, now),
            http::examine_certificate(&files, now + SOON),
        ) {
            (Err(why), _) => Look::Broken(why),
            (Ok(()), Err(_)) => Look::Attention(format!("{path} ends within two weeks")),
            (Ok(()), Ok(())) => Look::Works(format!("{path} and its key can be used")),
        }
    });
    doctor::Access { keys, issuer, certificate }
}
