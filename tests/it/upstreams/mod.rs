//! Other servers, mounted: real ones, and ones that misbehave in every way that is known.

mod behaviour;
mod fake;
mod misbehaving;
mod network;
mod own;
mod processes;
mod program;
pub(crate) mod questions;
mod sdks;
pub(crate) mod site;
mod told;
