//! The SDK's sessions, with what it leaves out: a limit, owners, and an end for the idle ones.
//!
//! The SDK has an idle timer of its own, but it takes a long call or a quiet stream for idleness and cuts
//! both; it is switched off, and the reaper here knows better.

mod table;
mod transport;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, LocalSessionWorker,
};
use rmcp::transport::streamable_http_server::session::{
    ServerSseMessage, SessionId, SessionManager,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use table::{Busy, Lookup, Reservation, SessionTable, Subject};
use transport::Watched;

tokio::task_local! {
    /// The place for the session that the request at hand is about to make. The SDK makes the session in
    /// the request's own task, but can't be told anything about it.
    static PLACE: RefCell<Option<Reservation>>;
}

/// The SDK's session manager, watched.
pub(super) struct Sessions {
    inner: LocalSessionManager,
    table: Arc<SessionTable>,
    calls: TaskTracker,
}

/// Why a session did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    /// No place was reserved.
    #[error("no place was reserved for the session")]
    NoPlace,
    /// The SDK refused.
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Sessions {
    /// `calls`: gets a token for each running call.
    pub(super) fn new(table: Arc<SessionTable>, calls: TaskTracker) -> Self {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = None;
        Self { inner, table, calls }
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
            for id in self.table.remove_idle(ttl) {
                tracing::debug!(session.id = %id, "an idle session has ended");
                self.close(&id).await;
            }
        }
    }

    /// Ends a session in the SDK. One whose client doesn't read can't take the message; it ends when its
    /// connection does.
    async fn close(&self, id: &SessionId) {
        const PATIENCE: Duration = Duration::from_secs(5);
        match tokio::time::timeout(PATIENCE, self.inner.close_session(id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a session could not be closed"),
            Err(_) => tracing::debug!(session.id = %id, "a session's client does not read"),
        }
    }

    /// A stream that keeps its session from being idle, and ends with it.
    fn watch(
        &self,
        id: &SessionId,
        stream: impl Stream<Item = ServerSseMessage> + Send + Sync + 'static,
    ) -> impl Stream<Item = ServerSseMessage> + Send + Sync + 'static {
        let session = self.table.get(id);
        // A session that has just ended has no stream any more.
        let ended = session.as_ref().map_or_else(
            || {
                let ended = CancellationToken::new();
                ended.cancel();
                ended
            },
            |session| session.ended(),
        );
        let busy = session.map(|session| session.busy());
        stream.take_until(ended.cancelled_owned()).map(move |message| {
            let _keeps = &busy;
            message
        })
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = Watched<WorkerTransport<LocalSessionWorker>>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let place = PLACE.try_with(RefCell::take).ok().flatten().ok_or(SessionsError::NoPlace)?;
        let (id, transport) = self.inner.create_session().await?;
        let session = place.fill(Arc::clone(&id));
        Ok((id, Watched::new(transport, session, self.calls.clone())))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        Ok(self.inner.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.table.get(id).is_some())
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.table.remove(id);
        self.close(id).await;
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.watch(id, self.inner.create_stream(id, message).await?))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), Self::Error> {
        Ok(self.inner.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.watch(id, self.inner.create_standalone_stream(id).await?))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.watch(id, self.inner.resume(id, last_event_id).await?))
    }
}
