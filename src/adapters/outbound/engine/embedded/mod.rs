//! The embedded engine: `QuickJS` in worker processes of this same program, one call each, locked down before
//! they see the code.
//!
//! [`EmbeddedEngine`] takes a ready worker from its pool, holds a conversation with it, and ends it. The pool
//! is supplied by a fork server (`forking`) or by processes started for one call each (`spawning`). What runs
//! inside is [`worker`].

mod config;
#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod datagram;
mod engine;
#[cfg(target_os = "linux")]
mod fork_server;
#[cfg(target_os = "linux")]
mod forking;
mod pool;
mod process;
mod spawning;
mod syntax_cache;
mod walls;
pub mod worker;

pub use config::{EmbeddedConfig, Spares, WorkerMode};
pub use engine::EmbeddedEngine;
