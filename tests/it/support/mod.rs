//! Fakes with behaviour, and builders for tests. A fake of a port that has a contract suite passes it.

pub(crate) mod app;
pub(crate) mod attachments;
pub(crate) mod audit;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
pub(crate) mod balancer;
#[cfg(feature = "stdio")]
pub(crate) mod client;
pub(crate) mod clock;
#[cfg(all(feature = "embedded", feature = "http", feature = "postgres"))]
pub(crate) mod cluster;
#[cfg(feature = "docker")]
pub(crate) mod docker;
pub(crate) mod engine;
#[cfg(feature = "embedded")]
pub(crate) mod host;
#[cfg(feature = "http")]
pub(crate) mod issuer;
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
