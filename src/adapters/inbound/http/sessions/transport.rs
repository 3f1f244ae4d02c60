//! A session as the SDK's handler sees it: where messages come from and go to.
//!
//! A call runs on when its client has gone, since its answer can be fetched later; so that it is here, where
//! both the request and its answer pass, that running calls are counted.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, JsonRpcMessage,
    RequestId,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::session::{Ended, Inbox, RunningCall, Session};

/// The handler's side of a session.
pub(in super::super) struct SessionTransport {
    session: Arc<Session>,
    inbox: Inbox,
    /// Running calls of the whole server.
    calls: TaskTracker,
    running: HashMap<RequestId, (RunningCall, TaskTrackerToken)>,
}

impl SessionTransport {
    pub(super) fn new(session: Arc<Session>, inbox: Inbox, calls: TaskTracker) -> Self {
        Self { session, inbox, calls, running: HashMap::new() }
    }

    /// The session is over: whoever waited for its calls has gone, so that each is cancelled, one at a time.
    /// The SDK would let them run on for some seconds.
    fn abandon(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let id = self.running.keys().next()?.clone();
        self.running.remove(&id);
        let reason = Some("the session has ended".to_owned());
        let cancelled =
            CancelledNotification::new(CancelledNotificationParam::new(Some(id), reason));
        Some(JsonRpcMessage::notification(ClientNotification::CancelledNotification(cancelled)))
    }

    /// Notes what the client says; false for an answer to nothing that waits here.
    fn note(&mut self, message: &mut RxJsonRpcMessage<RoleServer>) -> bool {
        match message {
            JsonRpcMessage::Request(request) => {
                let call = (self.session.call(), self.calls.token());
                self.running.insert(request.id.clone(), call);
            }
            JsonRpcMessage::Notification(notification) => {
                // A cancelled call is never answered.
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.running.remove(id);
                    self.session.router().cancel(id);
                }
            }
            JsonRpcMessage::Response(response) => {
                let Some(id) = self.session.router().answered(&response.id) else { return false };
                response.id = id;
            }
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &mut error.id {
                    let Some(own) = self.session.router().answered(id) else { return false };
                    *id = own;
                }
            }
        }
        true
    }
}

impl Transport<RoleServer> for SessionTransport {
    type Error = Ended;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Ended>> + Send + 'static {
        let answered = match &item {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let sent = self.session.router().route(item);
        let is_answer = answered.is_some();
        if let Some(id) = answered {
            self.running.remove(&id);
        }
        // An answer that nobody waits for any more is no failure.
        ready(if sent || is_answer { Ok(()) } else { Err(Ended) })
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let message = tokio::select! {
                biased;
                () = self.session.ended().cancelled() => None,
                message = self.inbox.recv() => message,
            };
            let Some(mut message) = message else { return self.abandon() };
            if self.note(&mut message) {
                return Some(*message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Ended> {
        self.running.clear();
        self.inbox.close();
        Ok(())
    }
}
