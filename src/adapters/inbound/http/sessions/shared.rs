//! Sessions that a fleet shares: they are kept in a store, so that they outlive this process and move between
//! replicas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, JsonRpcMessage,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answers::Answers;
use super::period;
use super::session::Subject;
use super::table::SessionTable;
use crate::app::Lifecycle;
use crate::domain::LogLevel;
use crate::ports::{
    BoxStream, Mailbox, SessionEvent, SessionKey, SessionStore, SessionStoreError, StoredSession,
};

/// Most sessions that are named to the store at a time.
const CHUNK: usize = 1_000;

/// This process's part in the fleet's sessions.
pub(in super::super) struct SharedSessions {
    store: Arc<dyn SessionStore>,
    answers: Option<Answers>,
    table: Arc<SessionTable>,
    ttl: Duration,
    tasks: TaskTracker,
    /// Opened while the store was away.
    unsaved: Mutex<HashMap<SessionKey, StoredSession>>,
}

impl SharedSessions {
    pub(in super::super) fn new(
        store: Arc<dyn SessionStore>,
        mailbox: Option<Arc<dyn Mailbox>>,
        table: Arc<SessionTable>,
        ttl: Duration,
        lifecycle: &Lifecycle,
    ) -> Self {
        let tasks = lifecycle.tasks.clone();
        let answers = mailbox.map(|mailbox| Answers::new(mailbox, &table, lifecycle));
        Self { store, answers, table, ttl, tasks, unsaved: Mutex::default() }
    }

    /// A session that the store has, if it is the caller's own.
    pub(in super::super) async fn recall(
        &self,
        key: &SessionKey,
        subject: &Subject,
    ) -> Result<Option<StoredSession>, SessionStoreError> {
        let stored = self.store.get(key).await?;
        Ok(stored.filter(|session| session.owner == *subject))
    }

    /// Keeps a session that was opened here. If the store is away, it is kept once the store is back; until
    /// then the session is this process's alone.
    pub(in super::super) async fn save(&self, key: SessionKey, session: StoredSession) {
        match self.store.insert(&key, &session, self.time(Duration::ZERO)).await {
            Ok(()) => self.set_kept(&key),
            Err(error) => {
                tracing::warn!(%error, "a session can't be shared yet");
                self.unsaved().insert(key, session);
            }
        }
    }

    /// Ends a session everywhere; whether it was there.
    pub(in super::super) async fn end(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let was_unsaved = self.unsaved().remove(key);
        let ended = self.store.remove(key).await;
        match (was_unsaved, ended) {
            // The store never had it.
            (Some(_), Err(_)) => Ok(true),
            (was_unsaved, ended) => ended.map(|ended| ended || was_unsaved.is_some()),
        }
    }

    /// Notes the level of log entries that a session's client wants.
    pub(in super::super) async fn set_log_level(&self, key: &SessionKey, level: LogLevel) {
        if let Some(unsaved) = self.unsaved().get_mut(key) {
            unsaved.log_level = Some(level);
        }
        if let Err(error) = self.store.set_log_level(key, level).await {
            tracing::warn!(%error, "a session's log level is known to this replica only");
        }
    }

    /// Passes on that a client takes back a request that doesn't run here. `request`: its id in JSON.
    pub(in super::super) async fn cancel(&self, key: &SessionKey, request: &str) {
        if let Err(error) = self.store.cancel(key, request).await {
            tracing::warn!(%error, "a cancellation could not be passed on");
        }
    }

    /// Passes on a client's answer to what was not asked here. `id`: of the answer, in JSON.
    pub(in super::super) fn pass_on(&self, key: SessionKey, id: &str, answer: &[u8]) {
        if let Some(answers) = &self.answers {
            answers.pass_on(key, id, answer);
        }
    }

    /// Keeps the store and this process's sessions in step, until the server stops.
    pub(in super::super) async fn tend(self: Arc<Self>, stopped: CancellationToken) {
        let tending = async {
            let mut events = self.store.watch();
            let mut mailbox = self.answers.as_ref().map_or_else(none, Answers::watch);
            let mut rounds = tokio::time::interval(period(self.ttl));
            let mut last_round = None;
            loop {
                tokio::select! {
                    _ = rounds.tick() => {
                        let now = Instant::now();
                        match self.round(last_round).await {
                            Ok(()) => last_round = Some(now),
                            Err(error) => tracing::debug!(%error, "sessions could not be prolonged"),
                        }
                    }
                    Some(event) = events.next() => self.hear(event).await,
                    Some(name) = mailbox.next() => {
                        if let Some(answers) = &self.answers {
                            answers.hear(name);
                        }
                    }
                }
            }
        };
        stopped.run_until_cancelled(tending).await;
    }

    async fn hear(&self, event: SessionEvent) {
        match event {
            SessionEvent::Ended(key) => self.table.remove(&key),
            SessionEvent::LogLevel(key, level) => {
                if let Some(session) = self.table.get(&key) {
                    session.set_log_level(level);
                }
            }
            SessionEvent::Cancelled(key, request) => self.cancel_here(&key, &request),
            SessionEvent::Resync => {
                if let Err(error) = self.round(None).await {
                    tracing::debug!(%error, "sessions could not be compared with the store");
                }
            }
        }
    }

    fn cancel_here(&self, key: &SessionKey, request: &str) {
        let (Some(session), Ok(id)) = (self.table.get(key), serde_json::from_str(request)) else {
            return;
        };
        if !session.is_answering(&id) {
            return;
        }
        let cancelled = CancelledNotificationParam::new(Some(id), None);
        let cancelled =
            ClientNotification::CancelledNotification(CancelledNotification::new(cancelled));
        self.tasks.spawn(async move {
            // A session that has ended has cancelled its calls already.
            session.accept(JsonRpcMessage::notification(cancelled)).await.ok();
        });
    }

    /// Saves what could not be saved yet, prolongs what was used after `since`, ends what others have ended,
    /// and forgets what is over.
    async fn round(&self, since: Option<Instant>) -> Result<(), SessionStoreError> {
        let unsaved: Vec<_> = self.unsaved().iter().map(|(key, it)| (*key, it.clone())).collect();
        for (key, session) in unsaved {
            if self.table.contains(&key) {
                self.store.insert(&key, &session, self.time(Duration::ZERO)).await?;
                if self.table.contains(&key) {
                    self.set_kept(&key);
                } else {
                    // It ended meanwhile.
                    self.store.remove(&key).await?;
                }
            }
            self.unsaved().remove(&key);
        }
        let used = self.table.used_since(since);
        let used: Vec<_> = used.into_iter().map(|(key, idle)| (key, self.time(idle))).collect();
        for chunk in used.chunks(CHUNK) {
            for gone in self.store.touch(chunk).await? {
                self.table.remove(&gone);
            }
        }
        let count = self.store.sweep().await?;
        if count > 0 {
            tracing::debug!(count, "sessions that nobody used were forgotten");
        }
        Ok(())
    }

    /// How much longer the store keeps a session that has been idle for so long. It is told of use only once
    /// a round, and must not forget a session before its time.
    fn time(&self, idle: Duration) -> Duration {
        self.ttl.saturating_sub(idle) + period(self.ttl) * 2
    }

    fn set_kept(&self, key: &SessionKey) {
        if let Some(session) = self.table.get(key) {
            session.set_kept();
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<SessionKey, StoredSession>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none() -> BoxStream<String> {
    Box::pin(futures_util::stream::pending())
}
