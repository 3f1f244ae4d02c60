//! Hears the next announcement on a connection that is known to live.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification};

/// A connection that is silent for so long is asked whether it still lives.
const SILENCE: Duration = Duration::from_secs(5);
/// Longest wait for that answer, and for whatever else is asked on such a connection.
pub(super) const ANSWER: Duration = Duration::from_secs(3);

/// The next announcement; an error where the connection is lost.
pub(super) async fn next(listener: &mut PgListener) -> Result<PgNotification, sqlx::Error> {
    loop {
        if let Ok(received) = tokio::time::timeout(SILENCE, listener.try_recv()).await {
            let lost = || std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
            return received?.ok_or_else(|| lost().into());
        }
        let ping = sqlx::query("SELECT 1").execute(&mut *listener);
        tokio::time::timeout(ANSWER, ping).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    }
}
