//! The Docker engine: each call in a container of its own, which nothing was run in before.
//!
//! [`DockerEngine`] takes a container from its pool, holds the same conversation with it as the embedded engine
//! does with its workers, and ends it. Inside, `boot.sh` is the first process and `runner.js` runs the call in
//! Node.

mod config;
mod container;
mod daemon;
mod engine;
mod launch;
mod maintenance;
mod pool;
mod reaper;

pub use config::DockerConfig;
pub use engine::{DockerEngine, DockerParts};
