//! The SDK's transport on top of lines and outbox.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, GetExtensions as _, GetMeta as _, JsonRpcMessage,
    JsonRpcRequest, ProtocolVersion, RequestId, ServerResult,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::AsyncRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::ending::Ending;
use super::lines::{Lines, Next};
use super::message::{self, Read};
use super::outbox::Outbox;

/// Most requests that are handled at once; more are refused.
const MAX_REQUESTS: usize = 4_096;

/// Most bytes of requests that are handled at once; while they are, no further line is read.
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// The unit in which those bytes are counted.
const UNIT: usize = 1024;

/// One session's stream of messages.
pub(super) struct StdioTransport<R> {
    lines: Lines<R>,
    outbox: Arc<Outbox>,
    ending: Arc<Ending>,
    /// Ids of the requests that are being handled.
    ids: Ids,
    bytes: Arc<Semaphore>,
    /// A message that waits for its share of the bytes, and its length.
    held: Option<(Box<ClientJsonRpcMessage>, usize)>,
    /// The handshake is over. Until then the SDK takes anything but a request for a reason to give up.
    opened: bool,
}

/// Goes with a request until its handler is done.
#[derive(Clone)]
struct Share(#[expect(dead_code, reason = "held, not read")] Arc<Held>);

struct Held {
    id: RequestId,
    ids: Ids,
    _bytes: OwnedSemaphorePermit,
    /// None for a subscription, which lasts until the session ends.
    _handled: Option<TaskTrackerToken>,
}

type Ids = Arc<Mutex<HashSet<RequestId>>>;

impl Drop for Held {
    fn drop(&mut self) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl<R: AsyncRead + Unpin> StdioTransport<R> {
    pub(super) fn new(input: R, outbox: Arc<Outbox>, ending: Arc<Ending>) -> Self {
        Self {
            lines: Lines::new(input),
            outbox,
            ending,
            ids: Ids::default(),
            bytes: Arc::new(Semaphore::new(MAX_REQUEST_BYTES / UNIT)),
            held: None,
            opened: false,
        }
    }

    /// The next message for the SDK; `None`: the client has left. Nothing is lost if this future is dropped.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(message) = self.admit().await {
                return Some(message);
            }
            // A client that does not read is not read from.
            self.outbox.room().await.ok()?;
            match self.lines.next().await {
                Ok(Next::Line) => self.take_line()?,
                Ok(Next::TooLong) => self.outbox.push(message::too_long()).ok()?,
                Ok(Next::End) => return None,
                Err(error) => {
                    tracing::debug!(%error, "standard input can't be read any more");
                    return None;
                }
            }
        }
    }

    /// Reads the line that is there. `None`: the client can't be answered any more.
    fn take_line(&mut self) -> Option<()> {
        let line = self.lines.line();
        match message::read(line) {
            Read::Message(message) if self.opened => self.held = Some((message, line.len())),
            Read::Message(message) => {
                if let Some(refusal) = message::bad_handshake(&message) {
                    self.outbox.push(refusal).ok()?;
                } else if opens(&message, &mut self.opened) {
                    self.held = Some((message, line.len()));
                } else {
                    tracing::debug!("a message before the handshake is ignored");
                }
            }
            Read::Refused(answer) => self.outbox.push(answer).ok()?,
            Read::Nothing => {}
        }
        Some(())
    }

    /// Lets the held message through, a request with its share of what may be handled at once.
    async fn admit(&mut self) -> Option<ClientJsonRpcMessage> {
        let (message, length) = self.held.as_ref()?;
        let JsonRpcMessage::Request(JsonRpcRequest { id, request, .. }) = &**message else {
            return self.held.take().map(|(message, _)| *message);
        };
        if let Some(refusal) = self.refusal(id) {
            self.held = None;
            // If it can't be pushed, the next look at the outbox ends the session.
            drop(self.outbox.push(refusal));
            return None;
        }
        let lasting = matches!(request, ClientRequest::SubscriptionsListenRequest(_));
        let units = u32::try_from(length / UNIT + 1).unwrap_or(u32::MAX);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units).await.ok()?;
        let (mut message, _) = self.held.take()?;
        if let JsonRpcMessage::Request(JsonRpcRequest { id, request, .. }) = &mut *message {
            self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
            let (id, ids) = (id.clone(), Arc::clone(&self.ids));
            let handled = (!lasting).then(|| self.ending.handled.token());
            let held = Held { id, ids, _bytes: bytes, _handled: handled };
            request.extensions_mut().insert(Share(Arc::new(held)));
        }
        Some(*message)
    }

    /// Why a request with this id can't be handled now.
    fn refusal(&self, id: &RequestId) -> Option<Vec<u8>> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.contains(id) {
            return Some(message::id_in_use(id));
        }
        (ids.len() >= MAX_REQUESTS).then(|| message::too_many(MAX_REQUESTS, id))
    }
}

/// Whether the SDK may see this message before the handshake, and whether that is then over.
fn opens(message: &ClientJsonRpcMessage, opened: &mut bool) -> bool {
    let JsonRpcMessage::Request(JsonRpcRequest { request, .. }) = message else { return false };
    let meta = request.get_meta();
    let known = |version: ProtocolVersion| ProtocolVersion::KNOWN_VERSIONS.contains(&version);
    let bootstrap = matches!(
        request,
        ClientRequest::PingRequest(_)
            | ClientRequest::DiscoverRequest(_)
            | ClientRequest::InitializeRequest(_)
    );
    *opened = !bootstrap
        && meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
        && meta.protocol_version().is_some_and(known);
    true
}

impl<R: AsyncRead + Send + Unpin + 'static> Transport<RoleServer> for StdioTransport<R> {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        if let JsonRpcMessage::Response(response) = &message {
            self.opened |= matches!(response.result, ServerResult::InitializeResult(_));
        }
        let outbox = Arc::clone(&self.outbox);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            outbox.push(line)?;
            outbox.room().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let ending = Arc::clone(&self.ending);
        let message = tokio::select! {
            biased;
            () = ending.begun() => None,
            message = self.next() => message,
        };
        if message.is_none() {
            ending.leave();
            ending.over().await;
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
