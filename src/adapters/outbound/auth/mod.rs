//! Access tokens: JSON Web Tokens (RFC 7519, RFC 9068), judged with the issuer's published keys (RFC 7517).
//!
//! [`jwt`] judges a token, [`key_set`] says which keys of the issuer's may have signed it, [`key_cache`] keeps
//! those keys and refreshes them in the background, and [`fetch`] gets them. [`verified`] remembers good tokens.
//! [`examine`] tries out an issuer before any token comes.

mod claims;
mod examine;
mod fetch;
mod jwt;
mod key_cache;
mod key_set;
mod verified;

pub use examine::{examine_issuer, examine_keys};
pub use jwt::{JwtRules, JwtVerifier};
pub use key_cache::KeyTimes;
