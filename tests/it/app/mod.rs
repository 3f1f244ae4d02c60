//! Use cases on fakes.

mod authorize;
mod catalog;
mod engines;
mod gate;
mod runner;
pub(crate) mod sandboxes;
