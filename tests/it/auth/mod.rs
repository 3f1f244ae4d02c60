//! Access tokens: which are accepted, how the issuer's keys are kept, and what HTTP makes of it.

mod attacks;
mod bearer;
mod expiry;
mod keys;
#[cfg(feature = "stdio")]
mod step_up;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::auth::KeyTimes;
use dynamic_mcp::domain::Caller;
use dynamic_mcp::ports::{Accepted, TokenError, TokenVerifier};

use crate::support::issuer::{Issuer, Verifier};
use crate::support::wait::until;

/// Times that make keys refresh only when a token names an unknown one.
fn times() -> KeyTimes {
    KeyTimes {
        fetch: Duration::from_secs(20),
        pause: Duration::from_millis(10),
        ..KeyTimes::default()
    }
}

/// A verifier that has the issuer's keys.
async fn ready(issuer: &Issuer, times: KeyTimes) -> Verifier {
    let verifier = issuer.verifier(times);
    until(async || verifier.jwt.problem().is_none()).await;
    verifier
}

async fn judge(verifier: &Verifier, token: &str) -> Result<Caller, TokenError> {
    let judged = verifier.jwt.verify(token);
    let judged = tokio::time::timeout(Duration::from_mins(1), judged).await.unwrap();
    let judged = judged.map(|accepted| accepted.caller);
    if let Err(error) = &judged {
        let signature = token.rsplit('.').next().filter(|part| part.len() > 8);
        let shown = format!("{error} {error:?}");
        assert!(!signature.is_some_and(|part| shown.contains(part)), "{shown}");
    }
    judged
}

/// Accepts every token as Alice's, whose scopes it lists, with `+` between them: `short` for a moment more, whenever it is asked,
/// others for an hour.
struct Generous;

#[async_trait]
impl TokenVerifier for Generous {
    async fn verify(&self, token: &str) -> Result<Accepted, TokenError> {
        let remaining =
            if token == "short" { Duration::from_millis(200) } else { Duration::from_hours(1) };
        let scopes = token.split('+').map(str::to_owned).collect();
        let subject = Some(Arc::from("alice"));
        Ok(Accepted { caller: Caller { subject, scopes, client: None }, remaining })
    }

    fn problem(&self) -> Option<String> {
        None
    }
}
