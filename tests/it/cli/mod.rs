//! The command line.

mod args;
mod init;
mod program;
