//! The integration tests, in one binary.
#![expect(clippy::unwrap_used, reason = "test support")]

mod contract;
