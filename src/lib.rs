//! An MCP server whose tools are created, updated, versioned, disabled and deleted while it runs, each call in
//! a hardened sandbox.
//!
//! The map of the house, from the inside out:
//!
//! * [`domain`]: what a tool, a revision, a grant, a limit is. Pure.
//! * [`ports`]: the traits through which the use cases reach the world.
//! * [`app`]: the use cases, the configuration, and the composition root `app::wiring`.
//! * [`adapters`]: what calls us (`inbound`) and what we call (`outbound`).
//!
//! docs/architecture.md says which may know which, and where a change belongs.

pub mod adapters;
pub mod app;
pub mod domain;
pub mod ports;
