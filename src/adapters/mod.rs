//! Adapters: what is outside, each behind a port (outbound) or in front of the use cases (inbound).

pub mod inbound;
pub mod outbound;
