//! Progress is taken from the messages as they come, in their order: the SDK hands each notification to a task of its
//! own, which may well run after the call's answer was.

use rmcp::RoleClient;
use rmcp::model::{
    ClientJsonRpcMessage, JsonRpcError, JsonRpcMessage, JsonRpcResponse, ProgressNotificationParam,
    ServerJsonRpcMessage, ServerNotification,
};
use rmcp::transport::Transport;

use super::calls::Calls;
use crate::domain::execution::Progress;

/// A transport whose progress notifications go to the calls that they are of.
pub(super) struct Tap<T> {
    inner: T,
    calls: Calls,
    /// What came and was not handed on yet: receiving may be taken back at any moment.
    held: Option<ServerJsonRpcMessage>,
}

impl<T> Tap<T> {
    pub(super) const fn new(inner: T, calls: Calls) -> Self {
        Self { inner, calls, held: None }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Tap<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.inner.send(message)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            if self.held.is_none() {
                self.held = Some(self.inner.receive().await?);
            }
            if !self.held.as_ref().is_some_and(is_progress) {
                if let Some(
                    JsonRpcMessage::Response(JsonRpcResponse { id, .. })
                    | JsonRpcMessage::Error(JsonRpcError { id: Some(id), .. }),
                ) = &self.held
                {
                    self.calls.answered(id);
                }
                return self.held.take();
            }
            // Whoever sends a call now is about to say which one it is.
            drop(self.calls.sending.lock().await);
            if let Some(JsonRpcMessage::Notification(message)) = self.held.take()
                && let ServerNotification::ProgressNotification(told) = message.notification
                && let Some(call) = self.calls.of_progress(&told.params.progress_token)
            {
                let ProgressNotificationParam { progress, total, message, .. } = told.params;
                call.progress(Progress { done: progress, total, message });
            }
        }
    }

    async fn close(&mut self) -> Result<(), T::Error> {
        self.inner.close().await
    }
}

const fn is_progress(message: &ServerJsonRpcMessage) -> bool {
    matches!(
        message,
        JsonRpcMessage::Notification(message)
            if matches!(message.notification, ServerNotification::ProgressNotification(_))
    )
}
