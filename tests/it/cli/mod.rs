//! The command line.

mod args;
#[cfg(target_os = "linux")]
mod ending;
mod init;
#[cfg(feature = "http")]
mod outside;
mod program;
