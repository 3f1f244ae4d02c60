//! Engines: each runs code that nobody trusts behind the port [`Engine`](crate::ports::Engine).

#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "embedded")]
mod frame;
