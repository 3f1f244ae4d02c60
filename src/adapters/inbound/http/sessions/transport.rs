//! A session's transport that knows which of its calls are running.
//!
//! The SDK lets a call run on when its client has gone (the answer can be fetched later), so that neither
//! open streams nor open requests tell whether a session works. The messages themselves do.

use std::collections::HashMap;
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

use super::table::{RunningCall, Session};

/// Watches the messages of `inner` go by.
pub(in super::super) struct Watched<T> {
    inner: T,
    session: Arc<Session>,
    /// Running calls of the whole server.
    calls: TaskTracker,
    running: HashMap<RequestId, (RunningCall, TaskTrackerToken)>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, session: Arc<Session>, calls: TaskTracker) -> Self {
        Self { inner, session, calls, running: HashMap::new() }
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
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Watched<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let answered = match &item {
            JsonRpcMessage::Response(response) => self.running.remove(&response.id),
            JsonRpcMessage::Error(error) => {
                error.id.as_ref().and_then(|id| self.running.remove(id))
            }
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let sent = self.inner.send(item);
        async move {
            let outcome = sent.await;
            drop(answered);
            outcome
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let Some(message) = self.inner.receive().await else { return self.abandon() };
        match &message {
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
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        Some(message)
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.running.clear();
        self.inner.close().await
    }
}
