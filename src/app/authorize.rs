//! Who may do what: the one place where the admin token and the admin scope are looked at.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::AppError;
use crate::domain::{AccessPolicy, Action, Actor, Caller};

/// Decides about actions and says who is to be written down for them.
pub struct Authorizer {
    policy: AccessPolicy,
    admin_token: Option<SecretString>,
    admin_scope: Option<String>,
}

impl Authorizer {
    /// With the token and the scope that prove an administrator, if there are any.
    pub const fn new(
        policy: AccessPolicy,
        admin_token: Option<SecretString>,
        admin_scope: Option<String>,
    ) -> Self {
        Self { policy, admin_token, admin_scope }
    }

    /// The server's own rules.
    pub const fn policy(&self) -> AccessPolicy {
        self.policy
    }

    /// Whether `caller`, who may have shown an admin token, may do this; and as whom.
    pub fn check(
        &self,
        caller: &Caller,
        action: Action,
        shown: Option<&SecretString>,
    ) -> Result<Actor, AppError> {
        let has_scope = |scope| caller.scopes.contains(scope);
        let is_admin = self.is_token(shown) || self.admin_scope.as_ref().is_some_and(has_scope);
        self.policy.check(action, is_admin)?;
        Ok(match (&caller.client, is_admin) {
            (Some(client), _) => Actor::Client(client.to_string()),
            (None, true) => Actor::Admin,
            (None, false) => Actor::Local,
        })
    }

    /// Compares digests in constant time, so that neither the token's content nor its length leaks.
    fn is_token(&self, shown: Option<&SecretString>) -> bool {
        let (Some(token), Some(shown)) = (&self.admin_token, shown) else {
            return false;
        };
        let digest = |secret: &SecretString| Sha256::digest(secret.expose_secret().as_bytes());
        digest(token).as_slice().ct_eq(digest(shown).as_slice()).into()
    }
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer").field("policy", &self.policy).finish_non_exhaustive()
    }
}
