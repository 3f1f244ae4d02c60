//! Inbound adapters: each turns what comes from outside into calls of the use cases.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "mcp")]
pub mod mcp;
#[cfg(feature = "stdio")]
pub mod stdio;
