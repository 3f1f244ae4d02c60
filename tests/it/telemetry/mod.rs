//! What the server tells of itself, as those who watch it get to see it.

mod dashboards;
#[cfg(all(feature = "upstream", target_os = "linux"))]
mod secrets;
mod traces;
#[cfg(all(feature = "upstream", target_os = "linux"))]
mod upstreams;
