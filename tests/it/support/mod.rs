//! Builders for tests, and what only tests need of fakes; the fakes of most ports are the library's own.

#[cfg(all(feature = "docker", feature = "embedded"))]
pub(crate) mod aging;
pub(crate) mod app;
pub(crate) mod attachments;
#[cfg(all(feature = "docker", feature = "http"))]
pub(crate) mod authority;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
pub(crate) mod balancer;
#[cfg(feature = "stdio")]
pub(crate) mod client;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
pub(crate) mod cluster;
#[cfg(all(
    feature = "otlp",
    feature = "http",
    feature = "file",
    feature = "embedded",
    feature = "stdio"
))]
pub(crate) mod collector;
#[cfg(feature = "docker")]
pub(crate) mod docker;
#[cfg(all(feature = "docker", feature = "embedded"))]
pub(crate) mod dockerd;
#[cfg(feature = "embedded")]
pub(crate) mod host;
#[cfg(feature = "http")]
pub(crate) mod issuer;
#[cfg(all(feature = "otlp", feature = "upstream"))]
pub(crate) mod mcp_server;
#[cfg(all(feature = "docker", feature = "http"))]
pub(crate) mod packages;
#[cfg(feature = "file")]
pub(crate) mod peer;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod records;
#[cfg(all(feature = "docker", feature = "http"))]
pub(crate) mod registry;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
pub(crate) mod replica;
#[cfg(feature = "file")]
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod sink;
#[cfg(feature = "stdio")]
pub(crate) mod upstreams;
pub(crate) mod wait;
#[cfg(feature = "postgres")]
pub(crate) mod wire;
