//! Docker: the way to the daemon, its images, containers and sandbox sessions, and npm packages in volumes.

mod connection;
mod containers;
mod dependencies;
mod endpoint;
#[cfg(feature = "http")]
mod images;
mod sessions;
#[cfg(feature = "http")]
mod tls;
