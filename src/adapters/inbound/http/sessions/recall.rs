//! How a session comes back: the SDK asks for what it was opened with, and opens it anew.
//!
//! The SDK does so in the task of the request that names the session, so that what was found in the store
//! waits for it there.

use std::cell::RefCell;

use async_trait::async_trait;
use rmcp::model::InitializeRequestParams;
use rmcp::transport::streamable_http_server::session::{
    SessionState, SessionStore, SessionStoreError,
};

use crate::domain::LogLevel;

/// A session as the store had it.
pub(in super::super) struct Recalled {
    /// What it was opened with.
    pub(in super::super) initialize: InitializeRequestParams,
    /// What its client last asked for.
    pub(in super::super) log_level: Option<LogLevel>,
}

tokio::task_local! {
    static RECALLED: RefCell<Option<Recalled>>;
}

impl Recalled {
    /// Runs a request that brings this session back.
    pub(super) async fn during<T>(self, request: impl Future<Output = T>) -> T {
        RECALLED.scope(RefCell::new(Some(self)), request).await
    }

    /// The level of the session that the request at hand brings back.
    pub(super) fn level_at_hand() -> Option<LogLevel> {
        RECALLED.try_with(|recalled| recalled.borrow().as_ref()?.log_level).ok().flatten()
    }
}

/// Tells the SDK what the request at hand has found in the store. The SDK keeps and forgets nothing by itself:
/// it knows no owner, and would do so too late.
pub(in super::super) struct RecalledSessions;

#[async_trait]
impl SessionStore for RecalledSessions {
    async fn load(&self, _: &str) -> Result<Option<SessionState>, SessionStoreError> {
        let state = |recalled: &RefCell<Option<Recalled>>| {
            let recalled = recalled.borrow();
            Some(SessionState::new(recalled.as_ref()?.initialize.clone()))
        };
        Ok(RECALLED.try_with(state).ok().flatten())
    }

    async fn store(&self, _: &str, _: &SessionState) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), SessionStoreError> {
        Ok(())
    }
}
