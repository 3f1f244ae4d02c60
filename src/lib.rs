//! dynamic-mcp
pub mod domain;
pub mod ports;
pub mod app;
pub mod adapters;
