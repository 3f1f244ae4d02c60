//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::early_answer::EarlyAnswer;
use super::state::Shared;

/// Most bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;

/// Most bytes that are read or written at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long sent bytes may stay without acknowledgement before the peer counts as gone, in milliseconds.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MS: u32 = 60_000;

/// Serves a connection until its client closes it, the server ends, or `cut` is cancelled.
///
/// When the server begins to end, the answer that is under way is finished; a request that is not there
/// completely is not waited for.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    router: Router,
    shared: Arc<Shared>,
    cut: CancellationToken,
) {
    let draining = shared.lifecycle.draining.is_cancelled();
    let end = shared.next_end();
    let activity = Arc::new(Activity::default());
    let io = EarlyAnswer::new(stream, Arc::clone(&shared.ids), Arc::clone(&activity));
    let service = service_fn({
        let activity = Arc::clone(&activity);
        move |request: http::Request<Incoming>| {
            let answering = Answering::new(&activity);
            let answer = router.clone().call(request);
            async move {
                let Ok(response) = answer.await;
                Ok::<_, Infallible>(response.map(|body| Held::new(body, answering)))
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.options.header_timeout)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .keep_alive(!draining)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // Everything that changes the activity happens while the connection is polled.
            let finish = poll_fn(|context| match connection.as_mut().poll(context) {
                Poll::Pending if activity.is_idle() => Poll::Ready(Ok(())),
                poll => poll,
            });
            tokio::select! {
                outcome = finish => outcome,
                () = cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Small answers leave at once, and a peer that has gone is noticed.
pub(super) fn tune(stream: &TcpStream) {
    let no_delay = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let no_delay = no_delay
        .and_then(|()| Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MS)?));
    if let Err(error) = no_delay {
        tracing::debug!(%error, "a connection could not be tuned");
    }
}

/// What a connection is doing.
#[derive(Debug, Default)]
pub(super) struct Activity {
    answering: AtomicUsize,
    unsent: AtomicUsize,
}

impl Activity {
    /// Whether bytes are there that the peer does not take.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.unsent.store(usize::from(blocked), Ordering::Relaxed);
    }

    /// Whether no request is being answered and every answer is out.
    pub(super) fn is_idle(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0 && self.unsent.load(Ordering::Relaxed) == 0
    }
}

/// A request is being answered.
struct Answering(Arc<Activity>);

impl Answering {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.answering.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that holds something until it is out or given up.
pub(super) struct Held<T> {
    body: Body,
    _held: T,
}

impl<T> Held<T> {
    pub(super) fn new(body: Body, held: T) -> Self {
        Self { body, _held: held }
    }
}

impl<T: Unpin> http_body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
