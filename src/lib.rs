//! dynamic-mcp
pub mod adapters;
pub mod app;
pub mod domain;
pub mod ports;
