//! What only the PostgreSQL store does: sharing its table with the Node project, starting in a crowd, losing
//! its server.

mod crowd;
mod neighbour;
mod runbook;
mod silence;
#[cfg(feature = "cli")]
mod url;
