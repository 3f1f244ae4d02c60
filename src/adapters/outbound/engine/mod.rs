//! Engines: each runs code that nobody trusts behind the port [`Engine`](crate::ports::Engine).
//!
//! What they share: the frames on the way to a sandbox and back (`frame`, `protocol`, `road`), one call's
//! `conversation`, and `core.js`, which code meets first in each of them.

#[cfg(feature = "embedded")]
mod conversation;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "embedded")]
mod exchange;
#[cfg(feature = "embedded")]
mod frame;
#[cfg(feature = "embedded")]
mod printed;
#[cfg(feature = "embedded")]
mod protocol;
#[cfg(feature = "embedded")]
mod road;
#[cfg(feature = "embedded")]
mod sandbox;
