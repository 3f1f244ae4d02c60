//! What is known of the daemon: whether it answers, and what it can do.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::adapters::outbound::docker::{Connection, DockerError};

/// A daemon that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Daemon {
    /// Its name and version.
    pub(super) name: String,
    /// Whether it can limit swap.
    pub(super) swap_limited: bool,
    /// Whether it filters system calls.
    pub(super) seccomp: bool,
}

/// What is known of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DaemonState {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Up(Arc<Daemon>),
    /// It doesn't: why, and what to do.
    Down(String),
    /// The engine has been shut down.
    Closed,
}

/// What is known, and who waits for news.
pub(super) struct Watch {
    state: watch::Sender<DaemonState>,
    doubt: Notify,
    refused: Mutex<Option<String>>,
}

impl Watch {
    /// Nothing known.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(DaemonState::Unknown),
            doubt: Notify::new(),
            refused: Mutex::default(),
        })
    }

    /// What is known of the daemon.
    pub(super) fn state(&self) -> DaemonState {
        self.state.borrow().clone()
    }

    /// Waits until it is known whether there is a daemon.
    pub(super) async fn settled(&self) {
        let mut state = self.state.subscribe();
        // The sender is in `self`: it can't go away meanwhile.
        state.wait_for(|state| *state != DaemonState::Unknown).await.ok();
    }

    /// Asks it, and remembers what came of it.
    pub(super) async fn ask(&self, connection: &Connection) -> Result<(), DockerError> {
        let answer = inquire(connection).await.map(Arc::new);
        let next = match &answer {
            Ok(daemon) => DaemonState::Up(Arc::clone(daemon)),
            Err(error) => DaemonState::Down(error.to_string()),
        };
        self.state.send_if_modified(|state| {
            let news = *state != next && *state != DaemonState::Closed;
            if news {
                match &next {
                    DaemonState::Up(daemon) => {
                        tracing::info!(daemon = daemon.name, "Docker is there");
                    }
                    DaemonState::Down(why) => tracing::info!(why, "Docker is not there"),
                    DaemonState::Unknown | DaemonState::Closed => {}
                }
                state.clone_from(&next);
            }
            news
        });
        answer.map(drop)
    }

    /// Something failed that shouldn't have: the daemon is to be asked soon.
    pub(super) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Waits for doubt.
    pub(super) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Remembers why containers can't be made although the daemon answers.
    pub(super) fn refuse(&self, why: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Containers can be made.
    pub(super) fn accept(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Why containers can't be made although the daemon answers.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// There won't be any more.
    pub(super) fn close(&self) {
        self.state.send_replace(DaemonState::Closed);
    }
}

async fn inquire(connection: &Connection) -> Result<Daemon, DockerError> {
    let daemon = connection.probe().await?;
    let client = connection.client().await?;
    let info = client.info().await.map_err(|error| connection.explain(error))?;
    let options = info.security_options.unwrap_or_default();
    Ok(Daemon {
        name: daemon.to_string(),
        swap_limited: info.swap_limit.unwrap_or(false),
        seccomp: options.iter().any(|option| option.contains("seccomp")),
    })
}
