//! Reads a request's body within its limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;

/// Bytes of large bodies that are in the server at once, from their arrival to their answer. What becomes of
/// a body takes several times its size.
const ROOM: usize = 64 * 1024 * 1024;

/// A body up to this size is not counted.
const SMALL: usize = 64 * 1024;

/// Room for large bodies.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// Room that a body takes; given back when dropped.
pub(super) struct Taken(Option<OwnedSemaphorePermit>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }

    /// Room for a body that has grown to so many bytes.
    fn grow(&self, taken: &mut Taken, bytes: usize) -> Result<(), Refusal> {
        let so_far = taken.0.as_ref().map_or(SMALL, OwnedSemaphorePermit::num_permits);
        if bytes <= so_far {
            return Ok(());
        }
        let held = if taken.0.is_some() { so_far } else { 0 };
        let more = u32::try_from(bytes - held).unwrap_or(u32::MAX);
        let full = "The server holds as many large requests as it may; try again";
        let refused = |_| Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, full).closing();
        let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(refused)?;
        match &mut taken.0 {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// How much of a body that is too large is read and thrown away, so that a client that sends it all before
/// it reads anything gets the answer and not a reset connection.
const DISCARD_BYTES: usize = 64 * 1024 * 1024;

/// How long such a body is read.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// How long its next bytes are waited for: a client that sends nothing waits for the answer.
const DISCARD_PAUSE: Duration = Duration::from_secs(1);

/// What bounds the reading.
pub(super) struct Limits<'a> {
    /// Most bytes, whether announced or chunked.
    pub bytes: usize,
    /// What all large bodies share.
    pub room: &'a Room,
    /// Longest time for the whole body.
    pub time: Duration,
    /// Cancelled when the server ends: a body that isn't there by then is not waited for.
    pub end: &'a CancellationToken,
}

/// Reads the whole body, or says why not. The room that it takes is to be kept as long as anything of it is
/// held.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limits: Limits<'_>,
) -> Result<(Bytes, Taken), Refusal> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.bytes as u64) {
        // A client that waits for a word before it sends the body gets the word at once, and one whose body
        // would not be read to its end anyway.
        let endless = announced.is_some_and(|length| length > DISCARD_BYTES as u64);
        if !endless && !headers.contains_key(EXPECT) {
            discard(&mut body, limits.end).await;
        }
        return Err(Refusal::too_large(limits.bytes));
    }
    let verdict = tokio::select! {
        verdict = collect(&mut body, &limits) => verdict,
        () = tokio::time::sleep(limits.time) => {
            let message = "The request's body did not arrive in time";
            return Err(Refusal::other(StatusCode::REQUEST_TIMEOUT, message).closing());
        }
        () = limits.end.cancelled() => return Err(Refusal::shutting_down()),
    };
    if verdict.is_err() {
        discard(&mut body, limits.end).await;
    }
    verdict
}

async fn collect(body: &mut Body, limits: &Limits<'_>) -> Result<(Bytes, Taken), Refusal> {
    let limit = limits.bytes;
    let mut taken = Taken(None);
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let message = "The request's body broke off";
            return Err(Refusal::other(StatusCode::BAD_REQUEST, message).closing());
        };
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len) + all.len();
        if data.len() > limit - so_far {
            return Err(Refusal::too_large(limit));
        }
        limits.room.grow(&mut taken, so_far + data.len())?;
        // Nearly every body is a single frame, which needs no copy.
        if first.is_none() && all.is_empty() {
            if body.is_end_stream() {
                return Ok((data, taken));
            }
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok((first.unwrap_or_else(|| all.freeze()), taken))
}

async fn discard(body: &mut Body, end: &CancellationToken) {
    let read = async {
        let mut left = DISCARD_BYTES;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(DISCARD_PAUSE, body.frame()).await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = tokio::time::sleep(DISCARD_TIME) => {}
        () = end.cancelled() => {}
    }
}
