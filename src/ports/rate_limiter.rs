//! The rate limit per scope.

use std::time::Duration;

use crate::domain::Scope;

/// Counts calls per scope.
pub trait RateLimiter: Send + Sync {
    /// Takes one call from the scope's allowance, or says how long until there is one. From idle a full
    /// window's allowance MUST be available as a burst; it refills evenly. MUST NOT block, MUST be O(1).
    fn check(&self, scope: &Scope) -> Result<(), Duration>;
}

/// Lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLimit;

impl RateLimiter for NoLimit {
    fn check(&self, _: &Scope) -> Result<(), Duration> {
        Ok(())
    }
}
