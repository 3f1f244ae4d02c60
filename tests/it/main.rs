//! Every integration test, linked once. Each room of the source has its module here.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests and their support fail by panicking, and stand outside the process under test"
)]

mod app;
#[cfg(feature = "embedded")]
mod attacks;
#[cfg(all(feature = "stdio", feature = "file"))]
mod audit;
#[cfg(feature = "http")]
mod auth;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod config;
mod contract;
#[cfg(feature = "enterprise")]
mod deploy;
#[cfg(feature = "docker")]
mod docker;
#[cfg(all(feature = "stdio", feature = "file", feature = "embedded"))]
mod e2e;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
mod fleet;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "stdio")]
mod mcp;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "stdio")]
mod stdio;
#[cfg(feature = "file")]
mod store;
mod support;
#[cfg(all(
    feature = "otlp",
    feature = "http",
    feature = "file",
    feature = "embedded",
    feature = "stdio"
))]
mod telemetry;
mod tidy;
#[cfg(all(
    feature = "upstream",
    feature = "stdio",
    feature = "file",
    feature = "embedded",
    target_os = "linux"
))]
mod upstreams;
#[cfg(all(feature = "cli", feature = "embedded"))]
mod web_surface;
