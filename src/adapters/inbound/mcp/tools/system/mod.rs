//! `system.*`: what the server says of itself.

pub(super) mod health;
