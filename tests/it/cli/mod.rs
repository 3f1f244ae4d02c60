//! The command line.

mod args;
mod init;
#[cfg(feature = "http")]
mod outside;
mod program;
