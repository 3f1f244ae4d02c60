//! The MCP face: a raw client in process, the use cases on fakes.

mod announcements;
mod builtin_inputs;
mod calls;
mod eras;
mod management;
mod names;
#[cfg(feature = "http")]
mod over_http;
mod surface;
