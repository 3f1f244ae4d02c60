//! `system.*`: what the server says of itself.

pub(in super::super) mod guard_metrics;
pub(super) mod health;
pub(super) mod runtime_config;
