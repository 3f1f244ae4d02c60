//! A client's answer to what the server has asked, which a load balancer may bring to another replica than the one that
//! asked: it goes there by letter.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, RequestId};
use tokio::sync::Semaphore;

use super::table::SessionTable;
use crate::app::Lifecycle;
use crate::ports::{BoxStream, Mailbox, SessionKey, StoreError};

/// How the names of such letters begin; the session's key and the id of the question follow.
const PREFIX: &str = "dynamic-mcp/answer/";

/// How long the replica that asked may take to take an answer. One that nobody waits for is taken back then.
const TAKEN: Duration = Duration::from_secs(3);

/// Most answers that are on their way at once: the store holds them, and clients may answer what nobody asked.
const MAX_ON_THE_WAY: usize = 64;

/// Passes answers on, and takes those that are for this process.
pub(super) struct Answers {
    mailbox: Arc<dyn Mailbox>,
    table: Arc<SessionTable>,
    lifecycle: Lifecycle,
    places: Arc<Semaphore>,
}

impl Answers {
    pub(super) fn new(
        mailbox: Arc<dyn Mailbox>,
        table: &Arc<SessionTable>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let places = Arc::new(Semaphore::new(MAX_ON_THE_WAY));
        Self { mailbox, table: Arc::clone(table), lifecycle: lifecycle.clone(), places }
    }

    pub(super) fn watch(&self) -> BoxStream<String> {
        self.mailbox.watch()
    }

    /// Leaves an answer for whichever replica has asked. `id`: of the question, in JSON.
    pub(super) fn pass_on(&self, key: SessionKey, id: &str, answer: &[u8]) {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let (Ok(place), Ok(answer)) = (place, String::from_utf8(answer.to_vec())) else {
            tracing::debug!(
                "a client's answer is dropped: too many are on their way to other replicas"
            );
            return;
        };
        let (mailbox, name) = (Arc::clone(&self.mailbox), format!("{PREFIX}{key}/{id}"));
        let stopped = self.lifecycle.stopped.clone();
        self.lifecycle.tasks.spawn(async move {
            let carried = async {
                mailbox.post(&name, &answer).await?;
                stopped.run_until_cancelled(tokio::time::sleep(TAKEN)).await;
                mailbox.take(&name).await
            };
            match carried.await {
                Ok(None) => {}
                Ok(Some(_)) => tracing::debug!("a client has answered what nobody asks"),
                Err(error) => tracing::warn!(%error, "a client's answer could not be passed on"),
            }
            drop(place);
        });
    }

    /// Takes the letter of this name, if it answers what was asked here.
    pub(super) fn hear(&self, name: String) {
        let asked = || {
            let (key, id) = name.strip_prefix(PREFIX)?.split_once('/')?;
            let session = self.table.get(&key.parse().ok()?)?;
            let id: RequestId = serde_json::from_str(id).ok()?;
            session.has_asked(&id).then_some(session)
        };
        let Some(session) = asked() else { return };
        let mailbox = Arc::clone(&self.mailbox);
        self.lifecycle.tasks.spawn(async move {
            match answer(&*mailbox, &name).await {
                // A session that has ended waits for nothing.
                Ok(Some(answer)) => drop(session.accept(answer).await),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a client's answer could not be fetched"),
            }
        });
    }
}

async fn answer(
    mailbox: &dyn Mailbox,
    name: &str,
) -> Result<Option<ClientJsonRpcMessage>, StoreError> {
    let letter = mailbox.take(name).await?;
    Ok(letter.and_then(|letter| serde_json::from_str(&letter).ok()))
}
