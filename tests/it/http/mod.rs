//! The HTTP transport, through real sockets and through its routes.

mod body;
pub(crate) mod client;
#[cfg(all(feature = "stdio", feature = "file", feature = "embedded", target_os = "linux"))]
mod crowd;
mod draining;
mod endpoint;
mod envelope;
mod fleet;
mod flows;
mod garbage;
mod handler;
mod metrics;
mod probes;
mod rebinding;
pub(crate) mod server;
mod sessions;
mod tls;
