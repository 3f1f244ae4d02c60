//! Docker: the way to the daemon, its images, containers and sandbox sessions, and npm packages in volumes.

mod connection;
mod containers;
mod dependencies;
mod endpoint;
#[cfg(feature = "http")]
mod images;
#[cfg(all(feature = "embedded", feature = "http"))]
mod installations;
#[cfg(feature = "embedded")]
mod leftovers;
#[cfg(feature = "embedded")]
mod restart;
mod sessions;
#[cfg(feature = "http")]
mod tls;
