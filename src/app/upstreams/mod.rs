//! Other MCP servers: attached and detached while this one runs, kept, and shared by a fleet.
//!
//! What is attached is in the store; each attachment is a [`mount`] here, which keeps a connection and shows the
//! server's tools in the registry's snapshot. Calls of those go through the same guard as any other.

mod call;
mod elsewhere;
mod error;
mod mount;
mod parked;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use call::{MountedCall, Question, Relayed};
pub use error::UpstreamsError;
pub use mount::MountStatus;
pub use parked::{MAX_QUESTIONS, Step};

use super::{AppError, Catalog, Gate, Lifecycle};
use crate::domain::upstream::{Alias, Attachment, Mounted, UpstreamDraft, UpstreamPolicy};
use crate::domain::{Actor, Scope};
use crate::ports::{
    AttachmentStore, AuditLog, Clock, Ids, Mailbox, Metrics, SchemaCheck, StoreError,
    UpstreamClient,
};
use mount::{Mount, connect};
use parked::{MAX_PARKED, Parked};

/// Waits between attempts to read a store that is away: doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Most names in the message of a refusal.
const NAMED: usize = 5;

/// What the upstreams are made of.
pub struct UpstreamsParts {
    /// Where attachments are kept.
    pub store: Arc<dyn AttachmentStore>,
    /// Connects.
    pub client: Arc<dyn UpstreamClient>,
    /// Shows the tools.
    pub catalog: Arc<Catalog>,
    /// The guard.
    pub gate: Arc<Gate>,
    /// Compiles schemas.
    pub schemas: Arc<dyn SchemaCheck>,
    /// Takes measurements.
    pub metrics: Arc<dyn Metrics>,
    /// Is told of every call of a mounted tool.
    pub audit: Arc<dyn AuditLog>,
    /// Reaches the calls that wait at other replicas; `None`: there are none.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// Dates attachments.
    pub clock: Arc<dyn Clock>,
    /// Tells attachments apart.
    pub ids: Arc<dyn Ids>,
    /// What an attachment may be.
    pub policy: UpstreamPolicy,
    /// Most attachments (`MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX`).
    pub max: usize,
    /// Ends calls and connections when the server ends.
    pub lifecycle: Lifecycle,
}

/// Other MCP servers.
pub struct Upstreams {
    parts: UpstreamsParts,
    /// Tells this server from others that mount the same tools.
    instance: Arc<str>,
    mounts: Mutex<BTreeMap<Alias, Arc<Mount>>>,
    /// Held while the store and the mounts are brought in line.
    changing: tokio::sync::Mutex<()>,
    parked: Parked,
    /// Clients' answers that are at other replicas.
    asking_elsewhere: Semaphore,
}

/// What can be seen of an attachment.
pub struct Attached {
    /// The alias.
    pub alias: Alias,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// The program or the URL, without what may be secret.
    pub target: String,
    /// Names of the variables or headers that are set.
    pub secret_names: Vec<String>,
    /// Longest run of a call, in milliseconds.
    pub timeout_ms: u32,
    /// Who attached it.
    pub actor: Actor,
    /// When.
    pub since: DateTime<Utc>,
    /// How it is.
    pub status: MountStatus,
}

impl Attached {
    fn of(mount: &Mount) -> Self {
        let attachment = &mount.attachment;
        Self {
            alias: attachment.alias.clone(),
            transport: attachment.spec.transport(),
            target: attachment.spec.target(),
            secret_names: attachment.spec.secret_names(),
            timeout_ms: attachment.timeout_ms,
            actor: attachment.actor.clone(),
            since: attachment.attached_at,
            status: mount.status(),
        }
    }
}

impl Upstreams {
    /// None are mounted yet; [`follow`](Self::follow) mounts those that are kept.
    pub fn new(parts: UpstreamsParts) -> Self {
        let instance = parts.ids.uuid().into();
        Self {
            parts,
            instance,
            mounts: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            parked: Parked::default(),
            asking_elsewhere: Semaphore::new(MAX_PARKED),
        }
    }

    /// Every attachment, sorted by alias.
    pub fn list(&self) -> Vec<Attached> {
        self.mounts().values().map(|mount| Attached::of(mount)).collect()
    }

    /// Attaches a server. It has to answer, and its tools' names have to be ones that clients take; nothing is
    /// kept of one that does not. Returns at once with an error when `cancel` is cancelled.
    pub async fn attach(
        &self,
        actor: Actor,
        draft: UpstreamDraft,
        cancel: &CancellationToken,
    ) -> Result<Attached, AppError> {
        let cancelled = || AppError::from(self.cancelled());
        cancel
            .run_until_cancelled(self.connect_and_keep(actor, draft))
            .await
            .ok_or_else(cancelled)?
    }

    async fn connect_and_keep(
        &self,
        actor: Actor,
        draft: UpstreamDraft,
    ) -> Result<Attached, AppError> {
        let replace = draft.replace;
        let checked = draft.check(&self.parts.policy).map_err(UpstreamsError::from)?;
        let alias = checked.alias.clone();
        let there = self.mounts().get(&alias).map(|mount| mount.attachment.id.clone());
        match &there {
            Some(_) if !replace => return Err(UpstreamsError::Attached(alias).into()),
            None if self.mounts().len() >= self.parts.max => return Err(self.full()),
            _ => {}
        }
        let mut prefix = Prefix { catalog: &self.parts.catalog, alias: None };
        if there.is_none() {
            self.parts.catalog.reserve_prefix(&alias)?;
            prefix.alias = Some(alias.clone());
        }
        let attachment = Attachment {
            id: self.parts.ids.uuid(),
            alias: alias.clone(),
            spec: checked.spec,
            timeout_ms: checked.timeout_ms,
            actor,
            attached_at: self.parts.clock.now(),
        };
        let connected = connect(&*self.parts.client, &self.parts.policy, &attachment).await;
        let (session, tools) =
            connected.map_err(|error| UpstreamsError::Server { alias: alias.clone(), error })?;
        let shown = tools.iter().filter(|tool| !tool.came_through(&self.instance)).cloned();
        let (_, left_out) = Mounted::all(&alias, shown.collect());
        if !left_out.is_empty() {
            session.close().await;
            let named = left_out.iter().take(NAMED);
            let names: Vec<_> = named.map(|(name, why)| format!("'{name}': {why}")).collect();
            return Err(UpstreamsError::Names { alias, names: names.join("; ") }.into());
        }
        let changing = self.changing.lock().await;
        let kept = self.parts.store.insert(&attachment, self.parts.max, there.as_deref()).await;
        if let Err(error) = kept {
            session.close().await;
            return Err(match error {
                StoreError::Exists if there.is_none() => UpstreamsError::Attached(alias).into(),
                StoreError::Exists | StoreError::Conflict { .. } => {
                    UpstreamsError::Changed(alias).into()
                }
                StoreError::Full { .. } => self.full(),
                other => other.into(),
            });
        }
        let old = self.mounts().remove(&alias);
        if let Some(old) = &old {
            old.stop();
        }
        let mount = self.mount(attachment, Some((session, tools)));
        if let Some(old) = old {
            self.parts.catalog.release_prefix(&alias);
            self.parts.lifecycle.tasks.spawn(async move { old.end().await });
        }
        drop(changing);
        Ok(Attached::of(&mount))
    }

    /// Detaches a server; returns when its connection is closed.
    pub async fn detach(&self, alias: &str) -> Result<Alias, AppError> {
        let none = || UpstreamsError::NotAttached(alias.chars().take(Alias::MAX_CHARS).collect());
        let alias = Alias::parse(alias).map_err(|_| none())?;
        let changing = self.changing.lock().await;
        let removed = self.parts.store.remove(&alias).await?;
        let mount = self.unmount(&alias);
        drop(changing);
        if let Some(mount) = &mount {
            mount.end().await;
        }
        if removed { Ok(alias) } else { Err(none().into()) }
    }

    /// Mounts what is kept, and follows what others attach and detach, until `stop`.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut rings = self.parts.store.watch();
        let following = async {
            let mut wait = FIRST_RETRY;
            loop {
                match self.reconcile().await {
                    Ok(()) => {
                        wait = FIRST_RETRY;
                        if rings.next().await.is_none() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "attachments can't be read; trying again");
                        tokio::time::sleep(wait).await;
                        wait = LONGEST_RETRY.min(wait * 2);
                    }
                }
            }
        };
        stop.run_until_cancelled(following).await;
    }

    /// Brings the mounts in line with the store.
    async fn reconcile(&self) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let kept = self.parts.store.list().await?;
        let gone: Vec<Alias> = {
            let mounts = self.mounts();
            let stands = |mount: &Mount| kept.iter().any(|kept| kept.id == mount.attachment.id);
            mounts
                .iter()
                .filter(|(_, mount)| !stands(mount))
                .map(|(alias, _)| alias.clone())
                .collect()
        };
        for alias in gone {
            if let Some(mount) = self.unmount(&alias) {
                self.parts.lifecycle.tasks.spawn(async move { mount.end().await });
            }
        }
        for attachment in kept {
            if !self.mounts().contains_key(&attachment.alias) {
                self.mount(attachment, None);
            }
        }
        Ok(())
    }

    fn mount(&self, attachment: Attachment, first: Option<mount::Connected>) -> Arc<Mount> {
        self.parts.catalog.hold_prefix(&attachment.alias);
        let mount = Mount::new(attachment, Arc::clone(&self.instance));
        if let Some((session, tools)) = &first {
            mount.begin(Arc::clone(session));
            mount.show(&self.parts.catalog, tools.clone());
        }
        self.mounts().insert(mount.attachment.alias.clone(), Arc::clone(&mount));
        let lifecycle = &self.parts.lifecycle;
        let (client, catalog) = (Arc::clone(&self.parts.client), Arc::clone(&self.parts.catalog));
        let (policy, stopped) = (self.parts.policy.clone(), lifecycle.stopped.clone());
        let keeping = Arc::clone(&mount).keep(client, policy, catalog, first, stopped);
        lifecycle.tasks.spawn(keeping);
        mount
    }

    fn unmount(&self, alias: &Alias) -> Option<Arc<Mount>> {
        let mount = self.mounts().remove(alias)?;
        mount.stop();
        self.parts.catalog.mount(alias, Vec::new());
        self.parts.catalog.release_prefix(alias);
        for tool in mount.status().tools {
            self.parts.gate.forget(&Scope::dynamic(&tool));
        }
        Some(mount)
    }

    fn mounts(&self) -> MutexGuard<'_, BTreeMap<Alias, Arc<Mount>>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self) -> AppError {
        UpstreamsError::LimitReached { max: self.parts.max }.into()
    }
}

/// An alias that is held until it is known whether it comes to be attached, which then holds it itself.
struct Prefix<'a> {
    catalog: &'a Catalog,
    alias: Option<Alias>,
}

impl Drop for Prefix<'_> {
    fn drop(&mut self) {
        if let Some(alias) = &self.alias {
            self.catalog.release_prefix(alias);
        }
    }
}
