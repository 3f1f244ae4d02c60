//! The command line.

mod args;
#[cfg(all(target_os = "linux", feature = "stdio", feature = "file", feature = "embedded"))]
mod ending;
mod init;
#[cfg(feature = "http")]
mod outside;
mod program;
