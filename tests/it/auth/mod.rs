//! Access tokens: which are accepted, how the issuer's keys are kept, and what HTTP makes of it.

mod attacks;
mod bearer;
mod keys;

use std::time::Duration;

use dynamic_mcp::adapters::outbound::auth::KeyTimes;
use dynamic_mcp::domain::Caller;
use dynamic_mcp::ports::{TokenError, TokenVerifier as _};

use crate::support::issuer::{Issuer, Verifier};

/// Times that make keys refresh only when a test wants them to.
fn times() -> KeyTimes {
    KeyTimes { fetch: Duration::from_secs(20), ..KeyTimes::default() }
}

/// A verifier that has the issuer's keys.
async fn ready(issuer: &Issuer, times: KeyTimes) -> Verifier {
    let verifier = issuer.verifier(times);
    let got = async {
        while verifier.jwt.problem().is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), got).await.unwrap();
    verifier
}

async fn judge(verifier: &Verifier, token: &str) -> Result<Caller, TokenError> {
    let judged = verifier.jwt.verify(token);
    let judged = tokio::time::timeout(Duration::from_mins(1), judged).await.unwrap();
    if let Err(error) = &judged {
        let signature = token.rsplit('.').next().filter(|part| part.len() > 8);
        let shown = format!("{error} {error:?}");
        assert!(!signature.is_some_and(|part| shown.contains(part)), "{shown}");
    }
    judged
}
