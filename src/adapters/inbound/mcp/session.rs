//! What the server remembers of one session.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::domain::LogLevel;

/// One session's settings. A stateless request has a session of its own that nobody ever changes.
#[derive(Debug)]
pub(super) struct Session {
    /// Tells it from every other one of this process.
    pub(super) number: u64,
    /// 0: no log was asked for; else one more than the level's place in [`LogLevel::ALL`].
    log_from: AtomicU8,
    /// A handshake has been answered.
    opened: AtomicBool,
}

impl Default for Session {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            log_from: AtomicU8::new(0),
            opened: AtomicBool::new(false),
        }
    }
}

impl Session {
    /// Whether this is its first handshake; clients may send another one.
    pub(super) fn open(&self) -> bool {
        !self.opened.swap(true, Ordering::Relaxed)
    }

    /// The client wants log entries of this level and above.
    pub(super) fn set_log_from(&self, level: LogLevel) {
        let place =
            (1..).zip(LogLevel::ALL).find(|(_, known)| *known == level).map_or(0, |(at, _)| at);
        self.log_from.store(place, Ordering::Relaxed);
    }

    /// The lowest level that the client wants; `None`: it never asked for any.
    pub(super) fn log_from(&self) -> Option<LogLevel> {
        let place = usize::from(self.log_from.load(Ordering::Relaxed));
        LogLevel::ALL.get(place.checked_sub(1)?).copied()
    }
}
