//! The events of one stream: those that wait for a reader, and the last ones that were read, in case the
//! connection broke on the way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rmcp::model::{JsonRpcMessage, ServerJsonRpcMessage, ServerNotification};
use rmcp::transport::streamable_http_server::session::ServerSseMessage;

/// A message, or nothing but an id to resume from.
type Event = Option<Arc<ServerJsonRpcMessage>>;

/// Most events that wait for a reader. One that does not read loses the oldest; an answer, being the last,
/// is never lost.
const MAX_WAITING: usize = 256;

/// Events that were read and can be read again; and those of the session's own stream that wait when nobody
/// reads it, as many clients never do.
const KEPT: usize = 16;

/// How soon a client may reconnect.
const RETRY: Duration = Duration::from_secs(3);

/// The events of one stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The stream's number; `None` for the session's own stream.
    number: Option<u64>,
    queue: VecDeque<Event>,
    /// The index that stands for the stream's beginning.
    beginning: u64,
    /// The index of the first event in the queue.
    first: u64,
    /// The index of the next event to be read.
    next: u64,
    finished: bool,
    /// The newest reads, the others wait for it to leave.
    readers: Vec<Reading>,
}

#[derive(Debug)]
struct Reading {
    ticket: u64,
    waker: Option<Waker>,
}

impl Events {
    /// The session's own stream. The index `beginning` stands for its beginning.
    pub(super) fn of_session(beginning: u64) -> Self {
        let first = beginning + 1;
        Self { beginning, first, next: first, ..Self::default() }
    }

    /// A request's stream. Its first event only says where to resume.
    pub(super) fn of_request(number: u64) -> Self {
        Self { number: Some(number), queue: VecDeque::from([None]), ..Self::default() }
    }

    /// Adds an event. To hear twice in a row that the list of tools has changed tells nothing new.
    pub(super) fn push(&mut self, message: ServerJsonRpcMessage) {
        let last = self.queue.back().and_then(Option::as_deref);
        if self.waiting() > 0 && is_list_change(&message) && last.is_some_and(is_list_change) {
            return;
        }
        self.queue.push_back(Some(Arc::new(message)));
        let unread = self.number.is_none() && self.readers.is_empty();
        let limit = if unread { KEPT } else { MAX_WAITING };
        while self.waiting() > limit {
            self.drop_first();
        }
        self.wake();
    }

    /// No more events will come.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.wake();
    }

    /// Whether everything was read that will ever come.
    pub(super) fn is_exhausted(&self) -> bool {
        self.finished && self.waiting() == 0
    }

    /// Whether it is complete and nobody is there to read it.
    pub(super) fn is_unfetched(&self) -> bool {
        self.finished && self.readers.is_empty()
    }

    /// Lets a reader in, before those that are there.
    pub(super) fn enter(&mut self, ticket: u64) {
        self.readers.push(Reading { ticket, waker: None });
    }

    /// A reader leaves. The one before it reads on.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.readers.retain(|reading| reading.ticket != ticket);
        self.wake();
    }

    /// Sends every reader away.
    pub(super) fn clear_readers(&mut self) {
        for reading in self.readers.drain(..) {
            if let Some(waker) = reading.waker {
                waker.wake();
            }
        }
    }

    /// Goes back to just after the event `last`, as far as that is kept; false for an event that never was.
    pub(super) fn rewind(&mut self, last: u64) -> bool {
        let end = self.first + self.queue.len() as u64;
        if last < self.beginning || last >= end {
            return false;
        }
        self.next = self.next.min(last + 1).max(self.first);
        true
    }

    /// The next event for a reader; `None` where there is nothing more for it.
    pub(super) fn poll(
        &mut self,
        ticket: u64,
        context: &Context<'_>,
    ) -> Poll<Option<ServerSseMessage>> {
        let newest = self.readers.last().is_some_and(|reading| reading.ticket == ticket);
        if newest && let Some(event) = self.read() {
            return Poll::Ready(Some(event));
        }
        let reading = self.readers.iter_mut().find(|reading| reading.ticket == ticket);
        match reading {
            Some(reading) if !self.finished => {
                reading.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(None),
        }
    }

    fn read(&mut self) -> Option<ServerSseMessage> {
        let offset = usize::try_from(self.next - self.first).ok()?;
        let event = self.queue.get(offset)?.clone();
        let id = match self.number {
            Some(number) => format!("{}/{number}", self.next),
            None => self.next.to_string(),
        };
        self.next += 1;
        while self.next - self.first > KEPT as u64 {
            self.drop_first();
        }
        let mut sse = ServerSseMessage::default();
        sse.event_id = Some(id);
        sse.retry = event.is_none().then_some(RETRY);
        sse.message = event;
        Some(sse)
    }

    fn waiting(&self) -> usize {
        let read = usize::try_from(self.next - self.first).unwrap_or(usize::MAX);
        self.queue.len().saturating_sub(read)
    }

    fn drop_first(&mut self) {
        self.queue.pop_front();
        self.first += 1;
        self.next = self.next.max(self.first);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.readers.last_mut().and_then(|reading| reading.waker.take()) {
            waker.wake();
        }
    }
}

fn is_list_change(message: &ServerJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Notification(notification)
        if matches!(notification.notification, ServerNotification::ToolListChangedNotification(_)))
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ErrorData, RequestId, ToolListChangedNotification};

    use super::*;

    fn message(number: i64) -> ServerJsonRpcMessage {
        let error = ErrorData::internal_error("x", None);
        ServerJsonRpcMessage::error(error, Some(RequestId::Number(number)))
    }

    /// The ids that a reader gets now, and whether it is through.
    fn read(events: &mut Events, ticket: u64) -> (Vec<String>, bool) {
        let context = Context::from_waker(Waker::noop());
        let mut ids = Vec::new();
        loop {
            match events.poll(ticket, &context) {
                Poll::Ready(Some(event)) => ids.extend(event.event_id),
                Poll::Ready(None) => return (ids, true),
                Poll::Pending => return (ids, false),
            }
        }
    }

    #[test]
    fn events_wait_for_a_reader_and_are_read_once() {
        let mut events = Events::of_session(0);
        events.push(message(1));
        events.enter(1);
        assert_eq!(read(&mut events, 1), (vec!["1".to_owned()], false));
        events.push(message(2));
        assert_eq!(read(&mut events, 1), (vec!["2".to_owned()], false));
        events.leave(1);
        assert_eq!(read(&mut events, 1), (vec![], true));
    }

    #[test]
    fn the_newest_reader_reads_and_the_older_one_takes_over() {
        let mut events = Events::of_session(0);
        events.enter(1);
        events.enter(2);
        events.push(message(1));
        assert_eq!(read(&mut events, 1), (vec![], false));
        assert_eq!(read(&mut events, 2).0, ["1"]);
        events.leave(2);
        events.push(message(2));
        assert_eq!(read(&mut events, 1).0, ["2"]);
    }

    #[test]
    fn what_was_lost_can_be_read_again() {
        let mut events = Events::of_request(7);
        for number in 0..40 {
            events.push(message(number));
        }
        events.enter(1);
        assert_eq!(read(&mut events, 1).0.len(), 41);
        assert!(events.rewind(38));
        assert_eq!(read(&mut events, 1).0, ["39/7", "40/7"]);
        assert!(events.rewind(0), "as far as it is kept");
        assert_eq!(read(&mut events, 1).0.len(), KEPT);
        assert!(!events.rewind(41), "that one never was");
    }

    #[test]
    fn who_does_not_read_loses_the_oldest_but_never_the_last() {
        let mut events = Events::of_request(1);
        for number in 0..1_000 {
            events.push(message(number));
        }
        events.finish();
        events.enter(1);
        let (ids, through) = read(&mut events, 1);
        assert_eq!(
            (ids.len(), ids.last().map(String::as_str), through),
            (256, Some("1000/1"), true)
        );
        assert!(events.is_exhausted());
    }
    #[test]
    fn a_stream_that_nobody_reads_stays_small() {
        let changed = || {
            let change = ToolListChangedNotification::default();
            let change = ServerNotification::ToolListChangedNotification(change);
            ServerJsonRpcMessage::notification(change)
        };
        let mut events = Events::of_session(0);
        for _ in 0..1_000 {
            events.push(changed());
        }
        assert_eq!(events.waiting(), 1);
        for number in 0..1_000 {
            events.push(message(number));
            events.push(changed());
        }
        assert_eq!(events.waiting(), KEPT);
    }
}
