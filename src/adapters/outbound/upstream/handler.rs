//! What a server says on its own: that its tools have changed, and what it asks of its client.
//!
//! Servers with sessions are told that elicitation and sampling can be asked for, since one connection serves all
//! callers; whether the one at hand can do it is known when it is asked. Roots are not offered: a server takes them
//! as those of the connection, which clients share.

#![expect(deprecated, reason = "sampling is served as long as a supported revision has it")]

use rmcp::model::{
    ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ErrorCode, ErrorData, Implementation,
};
use rmcp::service::{InboundStreamOrigin, NotificationContext, RequestContext};
use rmcp::{ClientHandler, RoleClient};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::calls::{Calls, Waiting};

/// What the session and the SDK's loop share.
#[derive(Clone, Default)]
pub(super) struct Events {
    pub(super) calls: Calls,
    pub(super) changed: watch::Sender<()>,
}

/// The SDK's handler.
pub(super) struct Handler {
    info: ClientConfig,
    events: Events,
}

impl Handler {
    pub(super) fn new(name: &str, version: &str) -> Self {
        let info = ClientConfig::new(
            ClientCapabilities::builder().enable_elicitation().enable_sampling().build(),
            Implementation::new(name.to_owned(), version.to_owned()),
        );
        Self { info, events: Events::default() }
    }

    pub(super) fn events(&self) -> Events {
        self.events.clone()
    }

    /// Asks the client of the call that this is about.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize + Send,
        context: RequestContext<RoleClient>,
    ) -> Result<T, ErrorData> {
        let params = serde_json::to_value(params).map_err(|_| refused("it can't be read"))?;
        let origin = context.extensions.get::<InboundStreamOrigin>();
        let call = self.events.calls.of_question(origin).await.map_err(refused)?;
        let request = Map::from_iter([
            ("method".to_owned(), Value::from(method)),
            ("params".to_owned(), params),
        ]);
        let waiting = Waiting::of(&call);
        let answer = context.ct.run_until_cancelled(call.events.ask(request)).await;
        drop(waiting);
        let answer = answer.ok_or_else(|| refused("it was taken back"))?;
        let answer = answer.map_err(|why| refused(&why))?;
        serde_json::from_value(answer).map_err(|_| refused("the client's answer can't be read"))
    }
}

impl ClientHandler for Handler {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.events.changed.send_replace(());
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.ask("elicitation/create", request, context).await
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.ask("sampling/createMessage", params, context).await
    }

    fn get_info(&self) -> ClientConfig {
        self.info.clone()
    }
}

fn refused(why: &str) -> ErrorData {
    ErrorData::new(
        ErrorCode::INVALID_REQUEST,
        format!("the question was not answered: {why}"),
        None,
    )
}
