//! What goes on in the background: the daemon is watched, containers are kept ready, leftovers removed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::daemon::Watch;
use super::pool::Pool;
use super::reaper::{self, Keeper};
use crate::adapters::outbound::docker::Connection;

/// How often a daemon that answers is asked whether it still does.
const CALM: Duration = Duration::from_secs(10);
/// The first and the longest wait before a daemon that doesn't answer is asked again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How often dead containers are looked for among those that wait.
const TICK: Duration = Duration::from_secs(1);
/// How often leftovers are looked for.
const SWEEP: Duration = Duration::from_secs(20);
/// How long a container may take to go away by itself once its input has ended.
const BY_ITSELF: Duration = Duration::from_millis(500);
/// How long the last containers may take to go away at the end.
const LAST: Duration = Duration::from_secs(8);

/// See the module.
pub(super) struct Tending {
    pub(super) connection: Arc<Connection>,
    pub(super) watch: Arc<Watch>,
    pub(super) pool: Arc<Pool>,
    pub(super) keeper: Keeper,
    pub(super) let_go: mpsc::UnboundedReceiver<String>,
    pub(super) stop: CancellationToken,
}

impl Tending {
    /// Goes on until stopped, and then until every container is gone.
    pub(super) async fn run(mut self) {
        let let_go = &mut self.let_go;
        let work = async {
            tokio::join!(
                watch(&self.watch, &self.connection, &self.pool),
                self.pool.keep_filled(TICK),
                sweep(&self.keeper, &self.watch, &self.connection),
                bury(let_go, &self.connection),
            )
        };
        tokio::select! {
            _ = work => {}
            () = self.stop.cancelled() => {}
        }
        self.watch.close();
        self.pool.close();
        let last = async {
            if let Ok(client) = self.connection.client().await
                && let Err(error) = self.keeper.clear(&client).await
            {
                tracing::debug!(%error, "the last containers could not be looked for");
            }
        };
        if tokio::time::timeout(LAST, last).await.is_err() {
            tracing::warn!("the Docker daemon did not remove the last containers in time");
        }
    }
}

/// Asks the daemon now and then whether it is there.
async fn watch(watch: &Watch, connection: &Connection, pool: &Pool) {
    let mut back_off = BACK_OFF.0;
    loop {
        let pause = match watch.ask(connection).await {
            Ok(_) => {
                if back_off != BACK_OFF.0 {
                    back_off = BACK_OFF.0;
                    pool.hurry();
                }
                CALM
            }
            Err(_) => {
                back_off = (back_off * 2).min(BACK_OFF.1);
                back_off
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Not more often than that, however many doubt.
            () = async { tokio::join!(watch.doubted(), tokio::time::sleep(BACK_OFF.0)); } => {}
        }
    }
}

/// Removes leftovers: at first, and then now and again.
async fn sweep(keeper: &Keeper, watch: &Watch, connection: &Connection) {
    loop {
        watch.settled().await;
        if let Ok(client) = connection.client().await
            && let Err(error) = keeper.sweep(&client).await
        {
            tracing::debug!(%error, "leftovers could not be looked for");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Removes the containers that were let go and did not go by themselves.
async fn bury(let_go: &mut mpsc::UnboundedReceiver<String>, connection: &Connection) {
    let mut going = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(id) = let_go.recv() => going.push(async move {
                tokio::time::sleep(BY_ITSELF).await;
                if let Ok(client) = connection.client().await {
                    reaper::remove(&client, &id).await;
                }
            }),
            Some(()) = going.next(), if !going.is_empty() => {}
        }
    }
}
