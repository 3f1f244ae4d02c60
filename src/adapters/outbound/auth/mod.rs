//! Access tokens: JSON Web Tokens (RFC 7519, RFC 9068), judged with the issuer's published keys (RFC 7517).
//!
//! [`jwt`] judges a token, [`key_set`] says which keys of the issuer's may have signed it, [`key_cache`] keeps
//! those keys and refreshes them in the background, and [`fetch`] gets them.

mod claims;
mod fetch;
mod jwt;
mod key_cache;
mod key_set;

pub use jwt::{JwtRules, JwtVerifier};
pub use key_cache::KeyTimes;
