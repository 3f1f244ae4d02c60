//! Judging access tokens.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Caller;

/// Why a token is not accepted. Neither holds any part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a good one; in words that its holder may read.
    #[error("{0}")]
    Invalid(&'static str),
    /// It can't be judged just now, because the issuer's keys are not to be had. The same token may be
    /// accepted a little later.
    #[error("{0}")]
    Unavailable(&'static str),
}

/// A token that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who it was issued to.
    pub caller: Caller,
    /// For how long it will be accepted.
    pub remaining: Duration,
}

/// Judges access tokens (RFC 6750's bearer tokens).
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// Says who a token was issued to.
    ///
    /// MUST accept only a token that the issuer signed, for this server, and that is valid now. MUST give a
    /// caller with a subject, and never promise more time than the token has. MUST answer within seconds,
    /// whatever the issuer's server does. MUST keep the token out of errors and logs.
    async fn verify(&self, token: &str) -> Result<Accepted, TokenError>;

    /// What keeps it from judging tokens just now, in words without an address; `None`: nothing.
    fn problem(&self) -> Option<String>;
}
