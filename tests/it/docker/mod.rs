//! Docker: the way to the daemon.

mod connection;
mod endpoint;
