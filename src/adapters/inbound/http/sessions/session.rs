//! One session: its owner, whether anything goes on in it, and its streams.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::router::{Router, StreamKey};

/// A session's id, as in the header `Mcp-Session-Id`.
pub(super) type SessionId = Arc<str>;

/// A token's subject; `None` where there is no token.
pub(in super::super) type Subject = Option<Arc<str>>;

/// What the client sends. Boxed, because a channel has room for many messages from its beginning.
pub(super) type Inbox = mpsc::Receiver<Box<ClientJsonRpcMessage>>;

/// Messages that wait for the handler.
const INBOX_CAPACITY: usize = 16;

/// One session.
#[derive(Debug)]
pub(in super::super) struct Session {
    owner: Subject,
    /// Requests being judged, open streams and running calls.
    busy: AtomicUsize,
    /// Running calls.
    calls: AtomicUsize,
    last_used: Mutex<Instant>,
    inbox: mpsc::Sender<Box<ClientJsonRpcMessage>>,
    router: Mutex<Router>,
    ended: CancellationToken,
}

/// The session has ended.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the session has ended")]
pub(in super::super) struct Ended;

impl Session {
    pub(super) fn new(owner: Subject) -> (Arc<Self>, Inbox) {
        let (sender, inbox) = mpsc::channel(INBOX_CAPACITY);
        let session = Self {
            owner,
            busy: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
            inbox: sender,
            router: Mutex::new(Router::new()),
            ended: CancellationToken::new(),
        };
        (Arc::new(session), inbox)
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> &Subject {
        &self.owner
    }

    /// How many of its calls run.
    pub(in super::super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Since when nothing has gone on in it; `None` if something does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let idle = self.busy.load(Ordering::Acquire) == 0;
        idle.then(|| *self.last_used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something goes on in it as long as this is kept.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// A call runs as long as this is kept.
    pub(super) fn call(self: &Arc<Self>) -> RunningCall {
        self.calls.fetch_add(1, Ordering::Relaxed);
        RunningCall(self.busy())
    }

    /// Where its messages go out.
    pub(super) fn router(&self) -> MutexGuard<'_, Router> {
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, and its streams with it.
    pub(super) fn end(&self) {
        self.ended.cancel();
        self.router().end();
    }

    /// Completes when it has ended.
    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Hands a message of the client to the handler.
    pub(super) async fn accept(&self, message: ClientJsonRpcMessage) -> Result<(), Ended> {
        self.inbox.send(Box::new(message)).await.map_err(|_| Ended)
    }

    /// Hands a request of the client to the handler and gives the stream of its answer.
    pub(super) async fn ask(
        self: &Arc<Self>,
        message: ClientJsonRpcMessage,
    ) -> Result<Reader, Ended> {
        // The place comes first: a client that leaves while it waits for one leaves nothing behind.
        let place = self.inbox.reserve().await.map_err(|_| Ended)?;
        let (key, ticket) = self.router().open(&message);
        place.send(Box::new(message));
        Ok(self.reader(key, ticket))
    }

    /// The session's own stream.
    pub(super) fn read_own(self: &Arc<Self>) -> Reader {
        let ticket = self.router().read_own();
        self.reader(None, ticket)
    }

    /// A stream from just after an event; `None` if that event isn't known (any more).
    pub(super) fn resume(self: &Arc<Self>, key: StreamKey, last: u64) -> Option<Reader> {
        let ticket = self.router().resume(key, last)?;
        Some(self.reader(key, ticket))
    }

    fn reader(self: &Arc<Self>, key: StreamKey, ticket: u64) -> Reader {
        Reader { busy: self.busy(), key, ticket }
    }
}

/// Keeps a session from being idle.
#[derive(Debug)]
pub(in super::super) struct Busy(Arc<Session>);

impl Busy {
    /// The session.
    pub(in super::super) fn session(&self) -> &Session {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // First the time, then the count: whoever sees nothing going on sees the time too.
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A running call of a session.
#[derive(Debug)]
pub(super) struct RunningCall(Busy);

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads one of a session's streams.
#[derive(Debug)]
pub(super) struct Reader {
    busy: Busy,
    key: StreamKey,
    ticket: u64,
}

impl Stream for Reader {
    type Item = ServerSseMessage;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<ServerSseMessage>> {
        self.busy.session().router().poll(self.key, self.ticket, context)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.busy.session().router().leave(self.key, self.ticket);
    }
}
