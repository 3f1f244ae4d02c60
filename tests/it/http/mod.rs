//! The HTTP transport, through real sockets and through its routes.

mod body;
mod client;
mod draining;
mod endpoint;
mod envelope;
mod flows;
mod garbage;
mod handler;
mod metrics;
mod probes;
mod rebinding;
mod server;
mod sessions;
