//! The running calls of a connection: whose progress it is that comes, and whose question.
//!
//! Over HTTP a question comes on the stream of its call, mostly. Where it does not, and always over standard
//! streams, nothing says which call it is of. It is then taken to be of the newest one, provided that all calls it
//! could be of are of one client: nobody may read, or answer, what is meant for somebody else.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{ProgressToken, RequestId};
use rmcp::service::InboundStreamOrigin;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::ports::UpstreamEvents;

/// How long a server that was told that a call is given up may still be at it, and ask on its behalf.
const LINGER: Duration = Duration::from_mins(1);

/// A running call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) id: RequestId,
    pub(super) client: u64,
    pub(super) events: Arc<dyn UpstreamEvents>,
    /// How many of its questions wait for their answers.
    pub(super) waiting: watch::Sender<usize>,
}

/// A call that was given up, which its server may still be at.
struct GivenUp {
    id: RequestId,
    client: u64,
    until: Instant,
}

#[derive(Default)]
struct Table {
    running: HashMap<ProgressToken, (u64, Call)>,
    given_up: Vec<GivenUp>,
    /// How many there were, which tells what is newer.
    begun: u64,
}

/// The calls of one connection, which the session and the SDK's loop share.
#[derive(Clone, Default)]
pub(super) struct Calls {
    table: Arc<std::sync::Mutex<Table>>,
    /// Held while a call is sent, so that nothing of it comes before it is known whose it is.
    pub(super) sending: Arc<Mutex<()>>,
}

impl Calls {
    /// From now on this call hears of its progress and its questions.
    pub(super) fn begin(&self, token: ProgressToken, call: Call) {
        let mut table = self.table();
        table.begun += 1;
        let number = table.begun;
        table.running.insert(token, (number, call));
    }

    /// The call was answered: it hears nothing more.
    pub(super) fn end(&self, token: &ProgressToken) {
        self.table().running.remove(token);
    }

    /// Nobody waits for the call any more, but its server may not have heard of that.
    pub(super) fn give_up(&self, token: &ProgressToken) {
        let mut table = self.table();
        if let Some((_, Call { id, client, .. })) = table.running.remove(token) {
            let now = Instant::now();
            table.given_up.retain(|call| call.until > now);
            table.given_up.push(GivenUp { id, client, until: now + LINGER });
        }
    }

    /// The server is done with a call.
    pub(super) fn answered(&self, id: &RequestId) {
        self.table().given_up.retain(|call| call.id != *id);
    }

    /// Whose progress this is.
    pub(super) fn of_progress(&self, token: &ProgressToken) -> Option<Arc<dyn UpstreamEvents>> {
        self.table().running.get(token).map(|(_, call)| Arc::clone(&call.events))
    }

    /// Whose question it is that came there, or why nobody's.
    pub(super) async fn of_question(
        &self,
        origin: Option<&InboundStreamOrigin>,
    ) -> Result<Call, &'static str> {
        // Whoever sends a call now is about to say which one it is.
        drop(self.sending.lock().await);
        let table = self.table();
        if let Some(InboundStreamOrigin::OutboundRequest(id)) = origin {
            let call = table.running.values().find(|(_, call)| call.id == *id);
            return call.map(|(_, call)| call.clone()).ok_or("the call that it belongs to is over");
        }
        let now = Instant::now();
        let lingering = table.given_up.iter().filter(|call| call.until > now);
        let newest = table.running.values().max_by_key(|(number, _)| *number);
        let Some((_, newest)) = newest else {
            return Err("no call is running that it could be of");
        };
        let mut clients =
            table.running.values().map(|(_, call)| call.client).chain(lingering.map(|c| c.client));
        if clients.all(|client| client == newest.client) {
            Ok(newest.clone())
        } else {
            Err("calls of several clients are running, and nothing says which one it is of")
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that waits for its answer, for as long as this lives.
pub(super) struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        call.waiting.send_modify(|questions| *questions += 1);
        Self(&call.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|questions| *questions -= 1);
    }
}

/// Returns when a call has used up its time, in which no time counts while questions wait.
pub(super) async fn used_up(limit: Duration, mut waiting: watch::Receiver<usize>) {
    let mut left = limit;
    // An error means that the call was answered just now.
    while waiting.wait_for(|questions| *questions == 0).await.is_ok() {
        let since = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(left) => return,
            asked = waiting.wait_for(|questions| *questions > 0) => {
                if asked.is_err() {
                    break;
                }
            }
        }
        left = left.saturating_sub(since.elapsed());
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_time_counts_while_a_question_waits() {
        let (waiting, waits) = watch::channel(0);
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        let asks = async {
            tokio::time::sleep(second).await;
            waiting.send_replace(1);
            tokio::time::sleep(second * 100).await;
            waiting.send_replace(0);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = used_up(second * 3, waits) => {}
            () = asks => {}
        }
        assert_eq!(begun.elapsed(), second * 103);
    }
}
