//! Puts the request id and the security headers on the answers that the HTTP library gives by itself.
//!
//! Where the head of a request can't be parsed, the library answers 400, 414 or 431 with no more than a
//! length, and nothing above it is asked. Such a head is recognised on its way out: it is the only one
//! without a request id.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Activity;
use super::envelope::RequestId;
use super::refusal::Refusal;
use crate::ports::Ids;

/// A connection's two directions, watched.
pub(super) struct EarlyAnswer<S> {
    stream: S,
    ids: Arc<dyn Ids>,
    activity: Arc<Activity>,
    /// An answer of ours that is not out yet.
    pending: Bytes,
}

impl<S: AsyncWrite + Unpin> EarlyAnswer<S> {
    pub(super) fn new(stream: S, ids: Arc<dyn Ids>, activity: Arc<Activity>) -> Self {
        Self { stream, ids, activity, pending: Bytes::new() }
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let poll = Pin::new(&mut self.stream).poll_write(context, &self.pending);
            self.activity.set_blocked(poll.is_pending());
            let written = ready!(poll)?;
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The status, if this is a head that the library made by itself: a client's error, nothing but its own
/// three headers, no body.
fn own_head(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?.strip_suffix(b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = format!("4{}", lines.next()?.get(..2)?);
    let mut empty = false;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        match name {
            "content-length" => empty = value == "0",
            "connection" | "date" => {}
            _ => return None,
        }
    }
    empty.then(|| status.parse().ok())?
}

impl<S: AsyncRead + Unpin> AsyncRead for EarlyAnswer<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for EarlyAnswer<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if let Some(status) = own_head(bytes) {
            let reason = status.canonical_reason().unwrap_or_default();
            let id = RequestId::fresh(self.ids.as_ref());
            self.pending = Refusal::other(status, reason).raw(&id);
            return match self.poll_pending(context) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
            };
        }
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.activity.set_blocked(poll.is_pending());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        ready!(self.poll_pending(context))?;
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.activity.set_blocked(poll.is_pending());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        // Under TLS, what has been written may still be here.
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.activity.set_blocked(poll.is_pending());
        poll
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, duplex};

    use super::*;

    /// The one id there is.
    struct OneId;

    impl Ids for OneId {
        fn uuid(&self) -> String {
            "00000000-0000-4000-8000-000000000000".to_owned()
        }
    }

    #[tokio::test]
    async fn what_a_stream_has_taken_and_not_sent_counts_as_unsent() {
        let (near, mut far) = duplex(1);
        let activity = Arc::new(Activity::default());
        let mut watched =
            EarlyAnswer::new(BufWriter::new(near), Arc::new(OneId), Arc::clone(&activity));
        watched.write_all(b"four").await.unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut watched).poll_flush(&mut context).is_pending());
        assert!(!activity.is_idle());
        let mut taken = [0; 4];
        let (flushed, read) = tokio::join!(watched.flush(), far.read_exact(&mut taken));
        flushed.unwrap();
        read.unwrap();
        assert!(activity.is_idle());
    }

    #[test]
    fn knows_the_librarys_own_heads() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(own_head(own), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 4\r\n\r\n0\r\n\r\n",
            b"",
        ] {
            assert_eq!(own_head(other), None);
        }
    }
}
