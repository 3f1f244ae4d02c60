//! What the server tells of itself, as those who watch it get to see it.

mod collector;
mod dashboards;
mod traces;
