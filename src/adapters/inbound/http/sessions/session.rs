//! One session: its owner, whether anything goes on in it, and its streams.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use rmcp::model::{ClientJsonRpcMessage, RequestId};
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::router::{Router, StreamKey};
use crate::domain::LogLevel;

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
    /// What the client asked for, here or at another replica.
    log_level: Mutex<Option<LogLevel>>,
    /// Whether the store has it.
    kept: AtomicBool,
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
        Self::with(owner, None, Router::new(0))
    }

    /// One that the store has. `first_event`: where the ids of its events begin here.
    pub(super) fn restored(
        owner: Subject,
        log_level: Option<LogLevel>,
        first_event: u64,
    ) -> (Arc<Self>, Inbox) {
        let (session, inbox) = Self::with(owner, log_level, Router::new(first_event));
        session.set_kept();
        (session, inbox)
    }

    fn with(owner: Subject, log_level: Option<LogLevel>, router: Router) -> (Arc<Self>, Inbox) {
        let (sender, inbox) = mpsc::channel(INBOX_CAPACITY);
        let session = Self {
            owner,
            busy: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
            log_level: Mutex::new(log_level),
            kept: AtomicBool::new(false),
            inbox: sender,
            router: Mutex::new(router),
            ended: CancellationToken::new(),
        };
        (Arc::new(session), inbox)
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> &Subject {
        &self.owner
    }

    /// The lowest level of log entries that its client wants; `None`: it never asked for any.
    pub(in super::super) fn log_level(&self) -> Option<LogLevel> {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its client wants log entries of this level and above.
    pub(in super::super) fn set_log_level(&self, level: LogLevel) {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Whether the store has it.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// The store has it.
    pub(super) fn set_kept(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// Whether a request with this id is being answered here.
    pub(in super::super) fn is_answering(&self, id: &RequestId) -> bool {
        self.router().is_open(id)
    }

    /// Whether a request of the server with this id waits for the client's answer here.
    pub(in super::super) fn has_asked(&self, id: &RequestId) -> bool {
        self.router().has_asked(id)
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
        let (key, ticket, is_new) = self.router().open(&message);
        if is_new {
            place.send(Box::new(message));
        }
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

    /// The session's own stream, for a client whose last event is not known here: whatever it was, the list
    /// of tools may have changed since.
    pub(super) fn read_own_anew(self: &Arc<Self>) -> Reader {
        let ticket = self.router().read_own_anew();
        self.reader(None, ticket)
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
