//! Docker: the way to the daemon, its images, and npm packages in volumes.

mod connection;
mod dependencies;
mod endpoint;
#[cfg(feature = "http")]
mod images;
mod sessions;
