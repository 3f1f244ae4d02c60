//! What a server says on its own: whose progress it is, and that its tools have changed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressToken};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};
use tokio::sync::{Mutex, watch};

use crate::ports::UpstreamEvents;

/// What the session and the SDK's loop share.
#[derive(Clone)]
pub(super) struct Events {
    /// The running calls by their progress tokens.
    calls: Arc<std::sync::Mutex<HashMap<ProgressToken, Arc<dyn UpstreamEvents>>>>,
    /// Held while a call is sent, so that no progress comes before it is known whose it is.
    pub(super) sending: Arc<Mutex<()>>,
    pub(super) changed: watch::Sender<()>,
}

impl Events {
    /// From now on this call hears of its progress.
    pub(super) fn begin(&self, token: ProgressToken, call: Arc<dyn UpstreamEvents>) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(token, call);
    }

    /// The call hears nothing more.
    pub(super) fn end(&self, token: &ProgressToken) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Whose progress this is.
    pub(super) fn call(&self, token: &ProgressToken) -> Option<Arc<dyn UpstreamEvents>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

/// The SDK's handler. Nothing that a server may ask of its client is offered: whom it would concern is not known
/// where a server has sessions, and the newest revision asks by results instead.
pub(super) struct Handler {
    info: ClientConfig,
    events: Events,
}

impl Handler {
    pub(super) fn new(name: &str, version: &str) -> Self {
        let info = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new(name.to_owned(), version.to_owned()),
        );
        let events = Events {
            calls: Arc::default(),
            sending: Arc::default(),
            changed: watch::Sender::default(),
        };
        Self { info, events }
    }

    pub(super) fn events(&self) -> Events {
        self.events.clone()
    }
}

impl ClientHandler for Handler {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.events.changed.send_replace(());
    }

    fn get_info(&self) -> ClientConfig {
        self.info.clone()
    }
}
