//! The MCP face, whatever the transport: tools in, results out, and who is told of changes.
//!
//! [`McpServer`] is the SDK's handler and only delegates. A request becomes an [`exchange::Exchange`]; a
//! built-in tool is one file under [`tools`], and [`tool`] does for all of them what has to be done once;
//! a dynamic tool goes through [`dynamic`], one of another server through [`relay`] and, where that server asks the
//! client something, [`asking`]. Every failure becomes a result in [`reply`]. [`lists`] holds what `tools/list`
//! answers, [`announce`] tells sessions and streams that it has changed. [`step_up`] says which calls need a better
//! token. [`resources`] and [`prompts`] are there in the enterprise profile.

mod announce;
mod answer;
mod asking;
mod audit;
mod bounded;
mod clients;
mod decode;
mod dynamic;
mod exchange;
mod feed;
mod guide;
mod lists;
mod misuse;
mod names;
mod prompts;
mod relay;
mod reply;
mod resources;
mod rich;
mod schema;
mod server;
mod session;
mod step_up;
mod strict;
mod tool;
mod tools;
mod trace;

pub use exchange::Extractors;
pub use misuse::{bad_handshake, bad_list, not_a_message};
pub use server::{McpOptions, McpServer};
