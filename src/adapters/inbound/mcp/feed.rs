//! A running call's log and progress, on their way to the client that made it.
//!
//! The code must never wait for a client that reads slowly, and a client must never make the server hold
//! more than a little: between the two stands a short queue, and what does not fit is dropped.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{OriginatingRequestId, ServiceError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::exchange::{Exchange, their_level};
use crate::app::CallSink;
use crate::app::host::NoSink;
use crate::domain::LogLevel;
use crate::domain::execution::{LogEntry, Progress};

/// Most entries that wait for the client.
const QUEUE: usize = 256;

/// Most characters of a progress message. Logs are bounded with the call; progress is only counted there.
const MAX_PROGRESS_CHARS: usize = 1_000;

enum Item {
    Log(LogEntry),
    Progress(ProgressToken, Progress),
}

struct ClientSink {
    log_from: Option<LogLevel>,
    progress: Option<ProgressToken>,
    /// Progress may only grow.
    last: Mutex<f64>,
    queue: mpsc::Sender<Item>,
}

impl ClientSink {
    fn push(&self, item: Item) {
        if self.queue.try_send(item).is_err() {
            tracing::debug!("the client reads too slowly: an entry of a call's log is dropped");
        }
    }
}

impl CallSink for ClientSink {
    fn log(&self, entry: LogEntry) {
        if self.log_from.is_some_and(|lowest| entry.level >= lowest) {
            self.push(Item::Log(entry));
        }
    }

    fn progress(&self, mut progress: Progress) {
        let Some(token) = &self.progress else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Also false for what is not a number.
        if progress.done > *last && progress.done.is_finite() {
            *last = progress.done;
            if let Some(message) = &mut progress.message
                && let Some((end, _)) = message.char_indices().nth(MAX_PROGRESS_CHARS)
            {
                message.truncate(end);
                message.push('…');
                message.shrink_to_fit();
            }
            self.push(Item::Progress(token.clone(), progress));
        }
    }
}

/// Runs `call` with a sink, and meanwhile tells the client what it hears there. What the client was told
/// comes before the result.
pub(super) async fn with_sink<T, F>(
    exchange: &Exchange,
    logger: &str,
    call: impl FnOnce(Arc<dyn CallSink>) -> F + Send,
) -> T
where
    F: Future<Output = T>,
{
    if exchange.log_from.is_none() && exchange.progress.is_none() {
        return call(Arc::new(NoSink)).await;
    }
    let (queue, items) = mpsc::channel(QUEUE);
    let sink = ClientSink {
        log_from: exchange.log_from,
        progress: exchange.progress.clone(),
        last: Mutex::new(f64::NEG_INFINITY),
        queue,
    };
    let ended = CancellationToken::new();
    let call = async {
        let result = call(Arc::new(sink)).await;
        ended.cancel();
        result
    };
    let forward = exchange.cancel.run_until_cancelled(forward(exchange, logger, items, &ended));
    tokio::join!(call, forward).0
}

/// Until the call has ended and everything it had said by then is sent, or the client is gone.
async fn forward(
    exchange: &Exchange,
    logger: &str,
    mut items: mpsc::Receiver<Item>,
    ended: &CancellationToken,
) {
    loop {
        let item = tokio::select! {
            biased;
            item = items.recv() => item,
            () = ended.cancelled() => None,
        };
        let Some(item) = item else { return };
        if send(exchange, logger, item).await.is_err() {
            return;
        }
    }
}

#[expect(deprecated, reason = "logging is served as long as a supported revision has it")]
async fn send(exchange: &Exchange, logger: &str, item: Item) -> Result<(), ServiceError> {
    use rmcp::model::{LoggingMessageNotification, LoggingMessageNotificationParam as Message};
    let peer = &exchange.peer;
    match item {
        Item::Log(LogEntry { level, data }) => {
            let message = Message::new(their_level(level), data).with_logger(logger);
            let mut message = LoggingMessageNotification::new(message);
            // It goes where the call's answer goes: the session's own stream may be at another replica.
            message.extensions.insert(OriginatingRequestId(exchange.id.clone()));
            peer.send_notification(message.into()).await
        }
        Item::Progress(token, Progress { done, total, message }) => {
            let mut progress = ProgressNotificationParam::new(token, done);
            progress.total = total.filter(|total| total.is_finite());
            progress.message = message;
            peer.notify_progress(progress).await
        }
    }
}
