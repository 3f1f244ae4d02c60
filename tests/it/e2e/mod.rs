//! The built server under real clients: the Python SDK, both TypeScript SDKs, the Inspector and the official
//! conformance suite. `scripts/prepare` installs them, `./test` does all of it.

mod clients;
#[cfg(feature = "http")]
mod conformance;
mod inspector;
mod server;
mod story;
