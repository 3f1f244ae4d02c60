//! Sessions of the older revisions of MCP, shared by a fleet so that they outlive a process and move between
//! replicas.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::{BoxError, BoxStream};
use crate::domain::LogLevel;

/// Keeps what another process needs to go on with a session.
///
/// Every method MUST be safe to call from any number of tasks and processes, and MUST NOT wait longer than
/// a few seconds for a store that does not answer.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a session for `ttl` from now. One that is kept already MUST stay as it is.
    async fn insert(
        &self,
        key: &SessionKey,
        session: &StoredSession,
        ttl: Duration,
    ) -> Result<(), SessionStoreError>;

    /// A session; `None` where it has ended, was never kept, or its time is over.
    async fn get(&self, key: &SessionKey) -> Result<Option<StoredSession>, SessionStoreError>;

    /// Keeps sessions for at least so much longer from now; MUST NOT shorten the time of any, and MUST NOT
    /// bring back one that has ended. Gives those that aren't there any more.
    async fn touch(
        &self,
        sessions: &[(SessionKey, Duration)],
    ) -> Result<Vec<SessionKey>, SessionStoreError>;

    /// Notes the lowest level of log entries that the session's client wants, and tells everybody.
    async fn set_log_level(
        &self,
        key: &SessionKey,
        level: LogLevel,
    ) -> Result<(), SessionStoreError>;

    /// Ends a session and tells everybody. Whether it was there: of several that end one at once, MUST be
    /// true for one only.
    async fn remove(&self, key: &SessionKey) -> Result<bool, SessionStoreError>;

    /// Tells everybody that the client takes back a request, which may run anywhere. `request`: its id in
    /// JSON, at most 1,024 bytes.
    async fn cancel(&self, key: &SessionKey, request: &str) -> Result<(), SessionStoreError>;

    /// Forgets the sessions whose time is over, and says how many.
    async fn sweep(&self) -> Result<u64, SessionStoreError>;

    /// What others tell from now on; whether one's own words come back is left open. A subscriber that
    /// missed something MUST get [`SessionEvent::Resync`] rather than a gap.
    fn watch(&self) -> BoxStream<SessionEvent>;
}

/// Stands for a session: a digest of its id. Where no token is asked for, the id itself is as good as a
/// password, which a store MUST NOT hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// From a digest of a session's id.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal.
impl fmt::Display for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionKey({self})")
    }
}

/// It is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's key is 64 hexadecimal digits")]
pub struct NotAKey;

impl FromStr for SessionKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAKey);
        }
        for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
            let digits = text.get(place..place + 2).ok_or(NotAKey)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAKey)?;
        }
        Ok(Self(digest))
    }
}

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSession {
    /// The subject of the token that opened it; `None` where no token is asked for.
    pub owner: Option<Arc<str>>,
    /// What its client said when it opened it (the `params` of `initialize`): the revision, itself, and
    /// what it can do.
    pub initialize: Value,
    /// The lowest level of log entries that its client wants; `None`: it never asked for any.
    pub log_level: Option<LogLevel>,
}

/// What became of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// It has ended.
    Ended(SessionKey),
    /// Its client wants log entries of this level and above.
    LogLevel(SessionKey, LogLevel),
    /// Its client takes back the request with this id, in JSON.
    Cancelled(SessionKey, String),
    /// Something was missed: ask which sessions are still there.
    Resync,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum SessionStoreError {
    /// Can't be reached just now; the same call may succeed later.
    #[error("the store of sessions is not available: {reason}")]
    Unavailable {
        /// For clients and operators; holds no path.
        reason: String,
        /// For the log.
        #[source]
        source: Option<BoxError>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back() {
        let key = SessionKey::new(std::array::from_fn(|at| u8::try_from(at * 8 % 256).unwrap()));
        assert_eq!(key.to_string().parse(), Ok(key));
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
            assert_eq!(bad.parse::<SessionKey>(), Err(NotAKey), "{bad}");
        }
    }
}
