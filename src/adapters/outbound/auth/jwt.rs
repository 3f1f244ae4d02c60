//! Judges a JSON Web Token.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::claims::Claims;
use super::fetch::Source;
use super::key_cache::{KeyCache, KeyTimes, Published};
use super::verified::{Fingerprint, Verified, fingerprint};
use crate::ports::{Accepted, BoxError, Clock, TokenError, TokenVerifier};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the issuer's clock and this one may be apart.
const LEEWAY: Duration = Duration::from_mins(1);

/// Signatures that are taken. With a symmetric algorithm the issuer's public key would do as the secret.
const ACCEPTED: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Kinds of tokens that are taken (RFC 8725, section 3.11): what else an issuer signs is no access token.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// Whose tokens are accepted, and which.
#[derive(Debug, Clone)]
pub struct JwtRules {
    /// Where the issuer's keys are: `https`, or `http` on this machine.
    pub jwks_url: Url,
    /// What `iss` has to be.
    pub issuer: String,
    /// What has to be in `aud`.
    pub audience: String,
    /// When keys are fetched.
    pub times: KeyTimes,
}

/// Accepts the tokens of one issuer for one audience.
pub struct JwtVerifier {
    issuer: String,
    audience: String,
    keys: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
}

impl JwtVerifier {
    /// Begins to fetch the issuer's keys in the background. Does not wait for them.
    pub fn start(
        rules: JwtRules,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stopped: &CancellationToken,
    ) -> Result<Self, BoxError> {
        let source = Source::new(&rules.jwks_url, rules.times.fetch)?;
        let keys = Arc::new(KeyCache::new(rules.times));
        tasks.spawn(Arc::clone(&keys).tend(source, stopped.clone()));
        Ok(Self { issuer: rules.issuer, audience: rules.audience, keys, clock })
    }

    /// Whether it is signed with one of these keys, and good; `None` if none of them may have signed it.
    fn judge(
        &self,
        token: &str,
        fingerprint: Fingerprint,
        header: &Header,
        published: &Published,
    ) -> Option<Result<Accepted, TokenError>> {
        let mut verdict = None;
        for key in published.keys.candidates(header.kid.as_deref(), header.alg) {
            match decode::<Claims>(token, key, &self.validation(header.alg)) {
                Ok(data) => {
                    let Some(caller) = data.claims.caller() else {
                        let nobody = "the token says of nobody whom it is for";
                        return Some(Err(TokenError::Invalid(nobody)));
                    };
                    let verified = Verified { caller, ends: data.claims.ends(LEEWAY) };
                    published.verified.insert(fingerprint, verified.clone());
                    return Some(Ok(self.accepted(verified)));
                }
                Err(error) => verdict = Some(Err(TokenError::Invalid(why(error.kind())))),
            }
        }
        verdict
    }

    fn accepted(&self, verified: Verified) -> Accepted {
        let Verified { caller, ends } = verified;
        let remaining = (ends - self.clock.now()).to_std().unwrap_or_default();
        Accepted { caller, remaining }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // Only what is required is looked at if it is missing.
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }
}

#[async_trait]
impl TokenVerifier for JwtVerifier {
    async fn verify(&self, token: &str) -> Result<Accepted, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid("the token is too long"));
        }
        let fingerprint = fingerprint(token);
        let published = self.keys.published();
        let known =
            published.as_ref().and_then(|keys| keys.verified.get(&fingerprint, self.clock.now()));
        if let Some(verified) = known {
            return Ok(self.accepted(verified));
        }
        let header = header(token)?;
        let judge = |published: &Published| self.judge(token, fingerprint, &header, published);
        if let Some(verdict) = published.as_deref().and_then(judge) {
            return verdict;
        }
        // A key that isn't there may have been made since. Of one that the token itself brings (`jwk`, `jku`,
        // `x5c`, `x5u`) nothing is taken.
        let mut has_all = false;
        while !has_all {
            let missing = "the issuer's keys can't be had just now";
            has_all = self.keys.refreshed().await.ok_or(TokenError::Unavailable(missing))?;
            if let Some(verdict) = self.keys.published().as_deref().and_then(judge) {
                return verdict;
            }
        }
        Err(TokenError::Invalid("the token is signed with no key of the issuer's"))
    }

    fn problem(&self) -> Option<String> {
        let missing = self.keys.published().is_none();
        missing.then(|| "the keys of the tokens' issuer could not be fetched".to_owned())
    }
}

/// The header, if it is one of a token that may be looked at further.
fn header(token: &str) -> Result<Header, TokenError> {
    // An algorithm that the library does not know, such as `none`, ends here.
    let header = decode_header(token)
        .map_err(|_| TokenError::Invalid("this is not a JSON Web Token that can be read"))?;
    if !ACCEPTED.contains(&header.alg) {
        return Err(TokenError::Invalid("the token's signature is of a kind that is not accepted"));
    }
    let is_kind = |kind: &str| TYPES.iter().any(|one| one.eq_ignore_ascii_case(kind));
    if !header.typ.as_deref().is_none_or(is_kind) {
        return Err(TokenError::Invalid("the token is of another kind than an access token"));
    }
    // RFC 7515, section 4.1.11: whoever does not understand an extension that is marked so, refuses.
    if header.crit.is_some() {
        return Err(TokenError::Invalid("the token has an extension that is not understood"));
    }
    Ok(header)
}

fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidIssuer => "the token has another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks one of exp, iss and aud",
        _ => "the token can't be read",
    }
}
