//! Time and identifiers.

use chrono::{DateTime, Utc};

/// The wall clock. Durations are measured with `tokio::time`, not with this.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Fresh identifiers.
pub trait Ids: Send + Sync {
    /// A random UUID (version 4), in its usual lower-case form. MUST never come twice.
    fn uuid(&self) -> String;
}
