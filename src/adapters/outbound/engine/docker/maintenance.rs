//! What goes on in the background: the daemon is watched, containers are kept ready, leftovers removed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::daemon::Watch;
use super::launch::{Kind, Launcher};
use super::pool::Pool;
use super::reaper::Reaper;
use crate::adapters::outbound::docker::{Connection, Containers, Images};
use crate::domain::image::ContainerImage;

/// How often a daemon that answers is asked whether it still does.
const CALM: Duration = Duration::from_secs(10);
/// The first and the longest wait before a daemon that doesn't answer is asked again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How often dead containers are looked for among those that wait.
const TICK: Duration = Duration::from_secs(1);
/// How often leftovers are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// How long what is being made at the end may take to be ready, and then go.
const REST: Duration = Duration::from_secs(5);
/// How long the last containers may take to go away at the end.
const LAST: Duration = Duration::from_secs(8);

/// See the module.
pub(super) struct Maintenance {
    pub(super) containers: Containers,
    pub(super) images: Images,
    pub(super) image: ContainerImage,
    pub(super) prepared: bool,
    pub(super) watch: Arc<Watch>,
    pub(super) pool: Arc<Pool<Launcher>>,
    pub(super) reaper: Reaper,
    pub(super) stop: CancellationToken,
}

impl Maintenance {
    /// Goes on until stopped, and then until every container is gone.
    pub(super) async fn run(self) {
        let connection = self.containers.connection();
        let work = async {
            tokio::join!(
                self.watch(connection),
                self.pool.keep_filled(TICK),
                self.sweep(connection),
            )
        };
        tokio::select! {
            _ = work => {}
            () = self.stop.cancelled() => {}
        }
        self.watch.close();
        self.pool.close();
        self.pool.rest(REST).await;
        let last = async {
            if let Ok(client) = connection.client().await
                && let Err(error) = self.reaper.clear(&client).await
            {
                tracing::debug!(%error, "the last containers could not be looked for");
            }
        };
        if tokio::time::timeout(LAST, last).await.is_err() {
            tracing::warn!("the Docker daemon did not remove the last containers in time");
        }
    }

    /// Asks the daemon now and then whether it is there, and has the usual image.
    async fn watch(&self, connection: &Connection) {
        let mut back_off = BACK_OFF.0;
        loop {
            let pause = if self.watch.ask(connection).await.is_ok() {
                let was_away = back_off != BACK_OFF.0;
                back_off = BACK_OFF.0;
                self.look_for_image().await;
                if was_away {
                    self.pool.hurry();
                }
                CALM
            } else {
                back_off = (back_off * 2).min(BACK_OFF.1);
                back_off
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Not more often than that, however many doubt.
                _ = async { tokio::join!(self.watch.doubted(), tokio::time::sleep(BACK_OFF.0)) } => {}
            }
        }
    }

    async fn look_for_image(&self) {
        let image = self.image.clone();
        match self.images.id(&image).await {
            Ok(id) => {
                self.watch.accept();
                if self.prepared {
                    self.pool.always(&Kind { image, id: id.into(), packages: None });
                }
            }
            Err(error) => self.watch.refuse(error.to_string()),
        }
    }

    /// Removes leftovers: at first, and then now and again.
    async fn sweep(&self, connection: &Connection) {
        loop {
            self.watch.settled().await;
            if let Ok(client) = connection.client().await
                && let Err(error) = self.reaper.sweep(&client).await
            {
                tracing::debug!(%error, "leftovers could not be looked for");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }
}
