//! Sessions of the older revisions of MCP: how many, whose, for how long, and their streams.
//!
//! The SDK has a session manager of its own. It needs several times the memory for a session, takes a long
//! call or a quiet stream for idleness and cuts both, stands still as long as one of a session's clients
//! doesn't read, and knows neither limit nor owner. So this one takes its place.

mod events;
mod router;
mod session;
mod table;
mod transport;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::{
    ServerSseMessage, SessionId, SessionManager,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use session::Session;
pub(super) use session::{Busy, Subject};
pub(super) use table::{Lookup, Reservation, SessionTable};
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
    /// A stream can't be resumed from there.
    #[error("the event to resume from is not known (any more)")]
    UnknownEvent,
}

impl Sessions {
    /// `calls`: gets a token for each running call.
    pub(super) fn new(table: Arc<SessionTable>, ids: Arc<dyn Ids>, calls: TaskTracker) -> Self {
        Self { table, ids, calls }
    }

    /// Runs a request that may make a session, with the place for it.
    pub(super) async fn with_place<T>(
        place: Option<Reservation>,
        request: impl Future<Output = T>,
    ) -> T {
        PLACE.scope(RefCell::new(place), request).await
    }

    /// Ends sessions in which nothing has gone on for `ttl`, until the server stops.
    pub(super) async fn reap(self: Arc<Self>, ttl: Duration, stopped: CancellationToken) {
        /// Sessions live at most this much longer than they should.
        const MAX_PERIOD: Duration = Duration::from_secs(30);
        let period = (ttl / 4).clamp(Duration::from_millis(10), MAX_PERIOD);
        while stopped.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
            let count = self.table.remove_idle(ttl);
            if count > 0 {
                tracing::debug!(count, "idle sessions have ended");
            }
        }
    }

    fn get(&self, id: &SessionId) -> Result<Arc<Session>, SessionsError> {
        Ok(self.table.get(id).ok_or(session::Ended)?)
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = SessionTransport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let place = PLACE.try_with(RefCell::take).ok().flatten().ok_or(SessionsError::NoPlace)?;
        let id: SessionId = self.ids.uuid().into();
        let (session, inbox) = Session::new(place.owner().clone());
        place.fill(Arc::clone(&id), Arc::clone(&session));
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

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.table.contains(id))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.table.remove(id);
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
        let last = index.parse().map_err(|_| SessionsError::UnknownEvent)?;
        let key = stream.transpose().map_err(|_| SessionsError::UnknownEvent)?;
        self.get(id)?.resume(key, last).ok_or(SessionsError::UnknownEvent)
    }
}
