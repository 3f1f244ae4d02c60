//! What a request has to do with sessions, and what a fleet has to know of it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Extensions, Method, StatusCode};
use http_body_util::Full;
use rmcp::ServerHandler;
use rmcp::model::{Extensions as McpExtensions, RequestId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::endpoint::{Endpoint, subject};
use super::message::Message;
use super::refusal::Refusal;
use super::sessions::{Busy, Lookup, Recalled, Reservation, Sessions, Subject, key_of};
use crate::domain::{Caller, LogLevel};
use crate::ports::{SessionStoreError, StoredSession};

/// Most calls that one session may have running: each of them holds memory, whether or not the guard lets
/// it run.
const MAX_CALLS_OF_A_SESSION: usize = 256;

/// Most bytes of a message that opens a session, which the session and the store keep.
pub(super) const MAX_INITIALIZE_BYTES: usize = 64 * 1024;

/// Most bytes of an id that is passed on to other replicas.
const MAX_ID_BYTES: usize = 1_024;

/// A message that only brings a session back: nothing comes of it.
const NOTHING: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;

/// What a request has to do with sessions.
pub(super) enum RequestSession {
    /// It names one that is the caller's.
    Existing(Busy),
    /// It asks for one.
    New(Reservation),
    /// Neither, or it names one that isn't there: a matter for the SDK, since newer revisions of MCP have
    /// no sessions.
    None,
}

/// The lowest level of log entries that a session's client wants, as a request carries it.
#[derive(Clone, Copy)]
struct SessionLevel(Option<LogLevel>);

/// The level that the session of a request has, here or at another replica; `None` where there is no session
/// or its client never asked for any.
pub fn log_level(extensions: &McpExtensions) -> Option<LogLevel> {
    extensions.get::<http::request::Parts>()?.extensions.get::<SessionLevel>()?.0
}

#[derive(Deserialize)]
struct WithParams<T> {
    params: T,
}

#[derive(Deserialize)]
struct Level {
    level: LogLevel,
}

#[derive(Deserialize)]
struct Cancelled<'a> {
    #[serde(borrow, rename = "requestId")]
    request: &'a RawValue,
}

impl<H: ServerHandler> Endpoint<H> {
    /// Finds out, and refuses what may not be.
    pub(super) async fn request_session(
        self: &Arc<Self>,
        named: Option<&str>,
        message: &Message<'_>,
        body: &[u8],
        extensions: &Extensions,
    ) -> Result<RequestSession, Refusal> {
        let sessions = &self.shared.sessions;
        let Some(named) = named else {
            if !message.is_initialize() {
                return Ok(RequestSession::None);
            }
            if let Some(refusal) = Message::bad_handshake(body) {
                return Err(refusal);
            }
            let place = sessions.reserve(subject(extensions));
            return place.map(RequestSession::New).ok_or_else(too_many);
        };
        let Some(busy) = self.session(named, extensions).await? else {
            return Ok(RequestSession::None);
        };
        if message.is_request() && busy.session().calls() >= MAX_CALLS_OF_A_SESSION {
            let full = "Too many calls of this session are running";
            return Err(Refusal::busy(StatusCode::TOO_MANY_REQUESTS, full));
        }
        Ok(RequestSession::Existing(busy))
    }

    /// The caller's session of this name, which may come from another replica; `None` if there is none.
    pub(super) async fn session(
        self: &Arc<Self>,
        named: &str,
        extensions: &Extensions,
    ) -> Result<Option<Busy>, Refusal> {
        let (key, subject) = (key_of(named), subject(extensions));
        match self.shared.sessions.look_up(&key, &subject) {
            Lookup::Foreign => return Err(Refusal::unknown_session()),
            Lookup::Found(busy) => return Ok(Some(busy)),
            Lookup::Unknown => {}
        }
        let Some(shared) = &self.shared.fleet else { return Ok(None) };
        if !looks_like_ours(named) {
            return Ok(None);
        }
        let recall = async || shared.recall(&key, &subject).await.map_err(|error| away(&error));
        let Some(stored) = recall().await? else { return Ok(None) };
        if !self.bring_back(named, stored, &subject, extensions).await? {
            return Ok(None);
        }
        // It may have ended while it was brought back: what is said of that from now on is heard here.
        if recall().await?.is_none() {
            self.shared.sessions.remove(&key);
        }
        match self.shared.sessions.look_up(&key, &subject) {
            Lookup::Found(busy) => Ok(Some(busy)),
            Lookup::Foreign | Lookup::Unknown => Ok(None),
        }
    }

    /// Opens a stored session here; false if it can't be understood. Goes on if the client leaves meanwhile:
    /// half a session would be worse than none.
    async fn bring_back(
        self: &Arc<Self>,
        id: &str,
        stored: StoredSession,
        subject: &Subject,
        extensions: &Extensions,
    ) -> Result<bool, Refusal> {
        let initialize = match serde_json::from_value(stored.initialize) {
            Ok(initialize) => initialize,
            Err(error) => {
                tracing::warn!(%error, "a stored session can't be read");
                return Ok(false);
            }
        };
        let recalled = Recalled { initialize, log_level: stored.log_level };
        let place = self.shared.sessions.reserve(subject.clone()).ok_or_else(too_many)?;
        let mut request = http::Request::builder()
            .method(Method::POST)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header("mcp-session-id", id)
            .body(Full::new(Bytes::from_static(NOTHING)))
            .map_err(|_| Refusal::unknown_session())?;
        if let Some(caller) = extensions.get::<Caller>() {
            request.extensions_mut().insert(caller.clone());
        }
        let endpoint = Arc::clone(self);
        let opening = self.shared.lifecycle.tasks.spawn(async move {
            let opening = endpoint.sdk.handle(request);
            Sessions::with_recalled(recalled, place, opening).await.status()
        });
        let status = opening.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(status.is_success())
    }

    /// Ends a session that this process doesn't have; false if nobody has it.
    pub(super) async fn end_elsewhere(
        &self,
        named: &str,
        subject: &Subject,
    ) -> Result<bool, Refusal> {
        let Some(shared) = self.shared.fleet.as_ref().filter(|_| looks_like_ours(named)) else {
            return Ok(false);
        };
        let key = key_of(named);
        let away = |error: SessionStoreError| away(&error);
        let is_theirs = shared.recall(&key, subject).await.map_err(away)?.is_some();
        Ok(is_theirs && shared.end(&key).await.map_err(away)?)
    }

    /// Ends one of this process's sessions for the others; false if another has been quicker.
    pub(super) async fn end_everywhere(&self, named: &str) -> Result<bool, Refusal> {
        match &self.shared.fleet {
            Some(shared) => shared.end(&key_of(named)).await.map_err(|error| away(&error)),
            None => Ok(true),
        }
    }

    /// What the fleet has to know of a message in a session, before it is handled.
    pub(super) async fn note(
        &self,
        named: &str,
        busy: &Busy,
        message: &Message<'_>,
        body: &[u8],
        extensions: &mut Extensions,
    ) {
        let (shared, session) = (&self.shared.fleet, busy.session());
        if message.is_set_level()
            && let Ok(WithParams { params: Level { level } }) = serde_json::from_slice(body)
        {
            session.set_log_level(level);
            if let Some(shared) = shared {
                shared.set_log_level(&key_of(named), level).await;
            }
        }
        if message.is_cancellation()
            && let Some(shared) = shared
            && let Ok(WithParams { params }) =
                serde_json::from_slice::<WithParams<Cancelled<'_>>>(body)
            && let request = params.request.get()
            && request.len() <= MAX_ID_BYTES
            && let Ok(id) = serde_json::from_str::<RequestId>(request)
            && !session.is_answering(&id)
        {
            shared.cancel(&key_of(named), request).await;
        }
        if let Some(shared) = shared
            && let Some(id) = message.raw_id().filter(|_| message.is_answer()).map(RawValue::get)
            && id.len() <= MAX_ID_BYTES
            && let Ok(asked) = serde_json::from_str::<RequestId>(id)
            && !session.has_asked(&asked)
        {
            shared.pass_on(key_of(named), id, body);
        }
        extensions.insert(SessionLevel(session.log_level()));
    }

    /// Shares a session that was opened just now.
    pub(super) async fn share(&self, id: &str, subject: Subject, body: &[u8]) {
        let Some(shared) = &self.shared.fleet else { return };
        let Ok(WithParams { params: initialize }) =
            serde_json::from_slice::<WithParams<Value>>(body)
        else {
            return;
        };
        let session = StoredSession { owner: subject, initialize, log_level: None };
        shared.save(key_of(id), session).await;
    }
}

fn too_many() -> Refusal {
    let full = "Too many sessions: the server has as many as it may have";
    Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, full)
}

/// Whether the session may be there can't be known just now.
fn away(error: &SessionStoreError) -> Refusal {
    tracing::debug!(%error, "a session could not be looked up");
    let away = "Sessions can't be looked up: their store is not available; try again";
    Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, away)
}

/// Whether an id has the form that sessions' ids have, so that the store may know it.
fn looks_like_ours(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
