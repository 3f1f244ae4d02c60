//! Use cases on fakes.

mod authorize;
mod catalog;
mod gate;
mod runner;
pub(crate) mod sandboxes;
