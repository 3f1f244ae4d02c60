//! The built server under real clients: the Python SDK, both TypeScript SDKs, the Inspector and the official
//! conformance suite. `scripts/prepare` installs them, `./test` does all of it.

pub(crate) mod clients;
#[cfg(feature = "http")]
mod conformance;
#[cfg(feature = "docker")]
mod container_tools;
#[cfg(feature = "enterprise")]
mod examples;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod heap;
mod inspector;
#[cfg(feature = "http")]
mod oauth;
#[cfg(feature = "http")]
mod pages;
#[cfg(feature = "docker")]
mod sandbox;
pub(crate) mod server;
mod story;
