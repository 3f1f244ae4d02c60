//! A clock that moves only when told to.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use dynamic_mcp::ports::Clock;

/// Starts at 2026-01-01T00:00:00Z.
pub(crate) struct FakeClock(Mutex<DateTime<Utc>>);

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}
