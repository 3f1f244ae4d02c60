//! Ends a stream when the token that opened it is no longer accepted.
//!
//! Streams stay open as long as their client likes, so that without this a token would be good for ever once it had
//! opened one. Answers to calls are not cut: a call was allowed when it began, and its own time limit ends it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Until when a request's credential is accepted. Not there where none is asked for, or where it never ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expiry(Instant);

impl Expiry {
    /// So long from now on.
    pub(super) fn after(remaining: Duration) -> Option<Self> {
        Instant::now().checked_add(remaining).map(Self)
    }
}

/// The answer, which is a stream, with an end.
pub(super) fn bounded(response: Response, expiry: Option<Expiry>) -> Response {
    match expiry {
        None => response,
        Some(Expiry(at)) => response.map(|body| {
            Body::new(Bounded { body: Some(body), end: Box::pin(tokio::time::sleep_until(at)) })
        }),
    }
}

/// A body that ends at a time.
struct Bounded {
    /// `None` once it has ended, so that what feeds it ends too.
    body: Option<Body>,
    end: Pin<Box<Sleep>>,
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.end.as_mut().poll(context).is_ready() {
            self.body = None;
        }
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
