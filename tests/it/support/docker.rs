//! The Docker daemon of the tests: `DOCKER_HOST` names it, or it is at the usual place.

use dynamic_mcp::adapters::outbound::docker::{Connection, Surroundings};

/// A connection to it.
pub(crate) fn connection() -> Connection {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    Connection::new(Surroundings { host, ..Surroundings::new(None) })
}
