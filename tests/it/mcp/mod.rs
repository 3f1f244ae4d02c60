//! The MCP face: a raw client in process, the use cases on fakes.

mod announcements;
mod builtin_inputs;
mod calls;
mod enterprise;
mod eras;
mod management;
mod names;
#[cfg(feature = "http")]
pub(crate) mod over_http;
mod searching;
mod surface;
mod testing;
mod versions;
