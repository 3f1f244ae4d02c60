//! Decides on which of a session's streams a message of the server goes out.

use std::collections::HashMap;
use std::task::{Context, Poll};
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, ErrorData, Extensions, GetExtensions as _, GetMeta as _, JsonRpcMessage,
    ProgressToken, RequestId, ServerJsonRpcMessage, ServerNotification,
    ToolListChangedNotification,
};
use rmcp::service::OriginatingRequestId;
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use tokio::time::Instant;

use super::events::Events;

/// How long an answer is kept that nobody has fetched.
const UNFETCHED: Duration = Duration::from_mins(1);

/// Most answers that are kept so.
const MAX_UNFETCHED: usize = 16;

/// What is said to a request whose id is in use.
const ID_IN_USE: &str = "Invalid Request: a request with this id is running; use another id";

/// Which stream: a request's, or the session's own.
pub(super) type StreamKey = Option<u64>;

/// A session's streams.
#[derive(Debug)]
pub(super) struct Router {
    own: Events,
    requests: HashMap<u64, Events>,
    /// The streams of requests that are not answered yet.
    by_id: HashMap<RequestId, u64>,
    by_token: HashMap<ProgressToken, u64>,
    /// Where the server has asked its client something, by the id that the client knows.
    asked: HashMap<RequestId, StreamKey>,
    /// Where the ids of what it asks begin.
    first_question: i64,
    /// Answered requests whose answer was not read.
    unfetched: Vec<(Instant, u64)>,
    next_stream: u64,
    next_ticket: u64,
    ended: bool,
}

impl Router {
    /// `first_event`: where the ids of its events begin, and of what the server asks. A session that moves between
    /// replicas has a stream of events at each, and an id of one must not be taken for another's.
    pub(super) fn new(first_event: u64) -> Self {
        Self {
            first_question: i64::try_from(first_event).unwrap_or_default(),
            own: Events::of_session(first_event),
            requests: HashMap::new(),
            by_id: HashMap::new(),
            by_token: HashMap::new(),
            asked: HashMap::new(),
            unfetched: Vec::new(),
            next_stream: first_event,
            next_ticket: 0,
            ended: false,
        }
    }

    /// Opens a stream for a request and gives its key and a ticket to read it, and whether the request is to
    /// be handled: one whose id is in use already is answered here, since nobody could tell the two answers
    /// apart.
    pub(super) fn open(&mut self, message: &ClientJsonRpcMessage) -> (StreamKey, u64, bool) {
        let number = self.next_stream;
        self.next_stream += 1;
        let mut events = Events::of_request(number);
        let mut is_new = true;
        if let JsonRpcMessage::Request(request) = message {
            if self.by_id.contains_key(&request.id) {
                let error = ErrorData::invalid_request(ID_IN_USE, None);
                events.push(ServerJsonRpcMessage::error(error, Some(request.id.clone())));
                events.finish();
                is_new = false;
            } else {
                self.by_id.insert(request.id.clone(), number);
            }
            if is_new && let Some(token) = request.request.get_meta().get_progress_token() {
                self.by_token.insert(token, number);
            }
        }
        let ticket = self.ticket();
        events.enter(ticket);
        self.requests.insert(number, events);
        (Some(number), ticket, is_new)
    }

    /// A ticket to read the session's own stream.
    pub(super) fn read_own(&mut self) -> u64 {
        let ticket = self.ticket();
        self.own.enter(ticket);
        ticket
    }

    /// As [`read_own`](Self::read_own), with word that the list of tools may have changed.
    pub(super) fn read_own_anew(&mut self) -> u64 {
        let changed = ToolListChangedNotification::default();
        let changed = ServerNotification::ToolListChangedNotification(changed);
        self.own.push(ServerJsonRpcMessage::notification(changed));
        self.read_own()
    }

    /// Whether a request with this id is not answered yet.
    pub(super) fn is_open(&self, id: &RequestId) -> bool {
        self.by_id.contains_key(id)
    }

    /// A ticket to read a stream from just after an event; `None` if that event isn't known (any more).
    pub(super) fn resume(&mut self, key: StreamKey, last: u64) -> Option<u64> {
        let ticket = self.ticket();
        let events = self.events(key)?;
        if !events.rewind(last) {
            return None;
        }
        // A request's stream has one reader: whoever read before has lost its connection.
        if key.is_some() {
            events.clear_readers();
        }
        events.enter(ticket);
        self.unfetched.retain(|(_, number)| Some(*number) != key);
        Some(ticket)
    }

    /// A reader leaves.
    pub(super) fn leave(&mut self, key: StreamKey, ticket: u64) {
        let Some(events) = self.events(key) else { return };
        events.leave(ticket);
        if events.is_unfetched() {
            self.keep_unfetched(key);
        }
    }

    /// The next event for a reader; `None` where there is nothing more for it.
    pub(super) fn poll(
        &mut self,
        key: StreamKey,
        ticket: u64,
        context: &Context<'_>,
    ) -> Poll<Option<ServerSseMessage>> {
        let Some(events) = self.events(key) else { return Poll::Ready(None) };
        let event = events.poll(ticket, context);
        if let Some(number) = key
            && events.is_exhausted()
        {
            self.requests.remove(&number);
        }
        event
    }

    /// Sends a message out; false if the session has ended.
    pub(super) fn route(&mut self, mut message: ServerJsonRpcMessage) -> bool {
        if self.ended {
            return false;
        }
        self.number(&mut message);
        let answered = match &message {
            JsonRpcMessage::Response(response) => self.by_id.remove(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().and_then(|id| self.by_id.remove(id)),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let key = answered.or_else(|| self.stream_of(&message));
        let Some(events) = self.events(key) else { return true };
        events.push(message);
        if let Some(number) = answered {
            self.finish(number);
        }
        true
    }

    /// A request was cancelled: its stream ends without an answer.
    pub(super) fn cancel(&mut self, id: &RequestId) {
        if let Some(number) = self.by_id.remove(id) {
            self.finish(number);
        }
    }

    /// Whether a request of the server with this id waits for the client's answer.
    pub(super) fn has_asked(&self, id: &RequestId) -> bool {
        self.asked.contains_key(id)
    }

    /// The client has answered what the server asked: the id by which the handler knows it. `None`: it was not asked
    /// here, or is answered already.
    pub(super) fn answered(&mut self, id: &RequestId) -> Option<RequestId> {
        self.asked.remove(id)?;
        Some(match id {
            RequestId::Number(number) => RequestId::Number(number - self.first_question),
            id @ RequestId::String(_) => id.clone(),
        })
    }

    /// The handler counts what it asks from 0, at every replica.
    fn number(&self, message: &mut ServerJsonRpcMessage) {
        let id = match message {
            JsonRpcMessage::Request(request) => Some(&mut request.id),
            JsonRpcMessage::Notification(notification) => match &mut notification.notification {
                ServerNotification::CancelledNotification(cancelled) => {
                    cancelled.params.request_id.as_mut()
                }
                _ => None,
            },
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => None,
        };
        if let Some(RequestId::Number(number)) = id {
            *number += self.first_question;
        }
    }

    /// The session ends, and every stream with it.
    pub(super) fn end(&mut self) {
        let mut old = std::mem::replace(self, Self { ended: true, ..Self::new(0) });
        old.own.clear_readers();
        for events in old.requests.values_mut() {
            events.clear_readers();
        }
    }

    fn stream_of(&mut self, message: &ServerJsonRpcMessage) -> StreamKey {
        match message {
            JsonRpcMessage::Request(request) => {
                let key = self.origin(request.request.extensions());
                self.asked.insert(request.id.clone(), key);
                key
            }
            JsonRpcMessage::Notification(notification) => match &notification.notification {
                ServerNotification::ProgressNotification(progress) => {
                    self.by_token.get(&progress.params.progress_token).copied()
                }
                ServerNotification::LoggingMessageNotification(entry) => {
                    self.origin(&entry.extensions)
                }
                // The server takes back a question of its own.
                ServerNotification::CancelledNotification(cancelled) => {
                    self.asked.remove(cancelled.params.request_id.as_ref()?).flatten()
                }
                _ => None,
            },
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => None,
        }
    }

    /// The stream of the request in whose course the server says something.
    fn origin(&self, said: &Extensions) -> StreamKey {
        self.by_id.get(&said.get::<OriginatingRequestId>()?.0).copied()
    }

    fn finish(&mut self, number: u64) {
        self.by_token.retain(|_, stream| *stream != number);
        let Some(events) = self.requests.get_mut(&number) else { return };
        events.finish();
        if events.is_unfetched() {
            self.keep_unfetched(Some(number));
        }
    }

    /// Keeps an answer that its client has not read, and drops those for which nobody has come.
    fn keep_unfetched(&mut self, key: StreamKey) {
        self.unfetched.extend(key.map(|number| (Instant::now(), number)));
        let surplus = self.unfetched.len().saturating_sub(MAX_UNFETCHED);
        let old = self.unfetched.iter().take_while(|(since, _)| since.elapsed() > UNFETCHED);
        let count = surplus.max(old.count());
        for (_, number) in self.unfetched.drain(..count) {
            self.requests.remove(&number);
        }
    }

    fn events(&mut self, key: StreamKey) -> Option<&mut Events> {
        match key {
            _ if self.ended => None,
            Some(number) => self.requests.get_mut(&number),
            None => Some(&mut self.own),
        }
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }
}
