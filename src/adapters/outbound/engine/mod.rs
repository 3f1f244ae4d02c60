//! Engines: each runs code that nobody trusts behind the port [`Engine`](crate::ports::Engine).
//!
//! What they share: the frames on the way to a sandbox and back (`frame`, `protocol`, `channel`), one call's
//! `conversation`, and `core.js`, which code meets first in each of them.

#[cfg(any(feature = "docker", feature = "embedded"))]
mod channel;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod conversation;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod exchange;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod frame;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod printed;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod protocol;
#[cfg(any(feature = "docker", feature = "embedded"))]
mod sandbox;
