//! Sessions of the older revisions of MCP: how many, whose, for how long, and their streams.
//!
//! The SDK has a session manager of its own. It needs several times the memory for a session, takes a long
//! call or a quiet stream for idleness and cuts both, stands still as long as one of a session's clients
//! doesn't read, and knows neither limit nor owner. So this one takes its place.

mod answers;
mod events;
mod recall;
mod router;
mod session;
mod shared;
mod table;
mod transport;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::{
    RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use recall::{Recalled, RecalledSessions};
use session::Session;
pub(super) use session::{Busy, Subject};
pub(super) use shared::SharedSessions;
pub(super) use table::{Lookup, Reservation, SessionTable, key_of};
use transport::SessionTransport;

use crate::ports::Ids;

tokio::task_local! {
    /// The place for the session that the request at hand is about to make. The SDK makes the session in
    /// the request's own task, but can't be told anything about it.
    static PLACE: RefCell<Option<Reservation>>;
}

/// Makes, finds and ends sessions for the SDK.
pub(super) struct Sessions {
    table: Arc<SessionTable>,
    ids: Arc<dyn Ids>,
    calls: TaskTracker,
    /// Whether other replicas have the same sessions.
    is_shared: bool,
}

/// Why a session did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    /// No place was reserved.
    #[error("no place was reserved for the session")]
    NoPlace,
    /// It has ended, or never was.
    #[error(transparent)]
    Ended(#[from] session::Ended),
}

impl Sessions {
    /// `calls`: gets a token for each running call. `is_shared`: whether other replicas have the same
    /// sessions.
    pub(super) fn new(
        table: Arc<SessionTable>,
        ids: Arc<dyn Ids>,
        calls: TaskTracker,
        is_shared: bool,
    ) -> Self {
        Self { table, ids, calls, is_shared }
    }

    /// Runs a request that may make a session, with the place for it.
    pub(super) async fn with_place<T>(
        place: Option<Reservation>,
        request: impl Future<Output = T>,
    ) -> T {
        PLACE.scope(RefCell::new(place), request).await
    }

    /// Runs a request that brings a session back, with the place for it.
    pub(super) async fn with_recalled<T>(
        recalled: Recalled,
        place: Reservation,
        request: impl Future<Output = T>,
    ) -> T {
        recalled.during(Self::with_place(Some(place), request)).await
    }

    /// Ends sessions in which nothing has gone on for `ttl`, until the server stops.
    pub(super) async fn reap(self: Arc<Self>, ttl: Duration, stopped: CancellationToken) {
        while stopped.run_until_cancelled(tokio::time::sleep(period(ttl))).await.is_some() {
            let count = self.table.remove_idle(ttl);
            if count > 0 {
                tracing::debug!(count, "idle sessions have ended");
            }
        }
    }

    /// Where the ids of a restored session's events begin: far from those of other replicas.
    fn beginning(&self) -> u64 {
        let random = self.ids.uuid();
        let random = random.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        (u64::from(random.unwrap_or_default()) + 1) << 20
    }

    fn get(&self, id: &SessionId) -> Result<Arc<Session>, SessionsError> {
        Ok(self.table.get(&key_of(id)).ok_or(session::Ended)?)
    }
}

/// How often sessions are looked after: they live at most this much longer than they should.
fn period(ttl: Duration) -> Duration {
    const MAX_PERIOD: Duration = Duration::from_secs(30);
    (ttl / 4).clamp(Duration::from_millis(10), MAX_PERIOD)
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = SessionTransport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let place = PLACE.try_with(RefCell::take).ok().flatten().ok_or(SessionsError::NoPlace)?;
        let id: SessionId = self.ids.uuid().into();
        let (session, inbox) = Session::new(place.owner().clone());
        place.fill(key_of(&id), Arc::clone(&session));
        Ok((id, SessionTransport::new(session, inbox, self.calls.clone())))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        let mut answer = self.get(id)?.ask(message).await?;
        while let Some(event) = answer.next().await {
            if let Some(message) = event.message
                && matches!(*message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))
            {
                return Ok(Arc::unwrap_or_clone(message));
            }
        }
        Err(session::Ended.into())
    }

    async fn restore_session(
        &self,
        id: SessionId,
    ) -> Result<RestoreOutcome<Self::Transport>, Self::Error> {
        let place = PLACE.try_with(RefCell::take).ok().flatten().ok_or(SessionsError::NoPlace)?;
        let (owner, level) = (place.owner().clone(), Recalled::level_at_hand());
        let (session, inbox) = Session::restored(owner, level, self.beginning());
        place.fill(key_of(&id), Arc::clone(&session));
        let transport = SessionTransport::new(session, inbox, self.calls.clone());
        Ok(RestoreOutcome::Restored(transport))
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.table.contains(&key_of(id)))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.table.remove(&key_of(id));
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.get(id)?.ask(message).await?)
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), Self::Error> {
        Ok(self.get(id)?.accept(message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.get(id)?.read_own())
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        // `index` on the session's own stream, `index/stream` on a request's.
        let (index, stream) = match last_event_id.split_once('/') {
            Some((index, stream)) => (index, Some(stream.parse())),
            None => (last_event_id.as_str(), None),
        };
        let session = self.get(id)?;
        let resumed = match (index.parse(), stream.transpose()) {
            (Ok(last), Ok(key)) => session.resume(key, last),
            _ => None,
        };
        // The event may be another replica's; an answer that waits there can't be had here.
        let is_own = !last_event_id.contains('/');
        let anew = || (is_own && self.is_shared).then(|| session.read_own_anew());
        // A stream that is at its end tells the client that there is nothing to resume, where a refusal would
        // make it try again.
        Ok(stream::iter(resumed.or_else(anew)).flatten())
    }
}
