//! Docker: the way to the daemon, and its images.

mod connection;
mod endpoint;
#[cfg(feature = "http")]
mod images;
