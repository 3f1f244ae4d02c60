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

/// Where things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
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
    standing: watch::Sender<Standing>,
    doubt: Notify,
    refused: Mutex<Option<String>>,
}

impl Watch {
    /// Nothing known.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            standing: watch::Sender::new(Standing::Unknown),
            doubt: Notify::new(),
            refused: Mutex::default(),
        })
    }

    /// Where things stand.
    pub(super) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Waits until it is known whether there is a daemon.
    pub(super) async fn settled(&self) {
        let mut standing = self.standing.subscribe();
        // The sender is in `self`: it can't go away meanwhile.
        standing.wait_for(|standing| *standing != Standing::Unknown).await.ok();
    }

    /// Asks it, and remembers what came of it.
    pub(super) async fn ask(&self, connection: &Connection) -> Result<(), DockerError> {
        let answer = inquire(connection).await.map(Arc::new);
        let next = match &answer {
            Ok(daemon) => Standing::Up(Arc::clone(daemon)),
            Err(error) => Standing::Down(error.to_string()),
        };
        self.standing.send_if_modified(|standing| {
            let news = *standing != next && *standing != Standing::Closed;
            if news {
                match &next {
                    Standing::Up(daemon) => tracing::info!(daemon = daemon.name, "Docker is there"),
                    Standing::Down(why) => tracing::info!(why, "Docker is not there"),
                    Standing::Unknown | Standing::Closed => {}
                }
                standing.clone_from(&next);
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
        self.standing.send_replace(Standing::Closed);
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
