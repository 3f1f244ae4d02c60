//! The wall clock and random identifiers: the one place that may ask the machine for either.

use chrono::{DateTime, Utc};

use crate::ports::{Clock, Ids};

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this adapter is where the machine's clock is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }
}

/// UUIDs of version 4 (RFC 9562) from the machine's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this adapter is where identifiers are drawn")]
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}
