//! Other MCP servers as their client, through the SDK's.
//!
//! [`connect`] makes a [`session`] over one of two transports: [`program`] starts a program and [`lines`] reads
//! its messages with a limit; [`http`] checks where requests go, redirects included, and [`traced`] says in headers
//! where in a trace they are. [`tap`] takes progress from what comes, [`handler`] questions, and [`calls`] knows
//! whose they are. [`fault`] says what went wrong without what may be secret.

mod calls;
mod connect;
mod fault;
mod handler;
mod http;
mod lines;
#[cfg(unix)]
mod program;
#[cfg(not(unix))]
#[path = "program_portable.rs"]
mod program;
mod session;
mod tap;
mod traced;

pub use connect::{ClientOptions, McpClient};
