//! The MCP endpoint: judges a request before the SDK sees it, and the SDK's answer after.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::value::RawValue;

use super::answer::{self, Asked, METHODS};
use super::body::{self, Limits};
use super::connection::Held;
use super::cors;
use super::envelope::RequestId;
use super::expiry::{self, Expiry};
use super::message::Message;
use super::refusal::Refusal;
use super::request_session::{MAX_INITIALIZE_BYTES, RequestSession};
use super::sessions::{Lookup, RecalledSessions, Sessions, Subject, key_of};
use super::state::Shared;
use crate::domain::caller::Caller;

/// The MCP endpoint.
pub(super) struct Endpoint<H> {
    pub(super) sdk: StreamableHttpService<H, Sessions>,
    pub(super) shared: Arc<Shared>,
}

impl<H: ServerHandler> Endpoint<H> {
    pub(super) fn new(
        handler: impl Fn() -> H + Send + Sync + 'static,
        sessions: Arc<Sessions>,
        shared: Arc<Shared>,
    ) -> Self {
        // Host, Origin and size are checked here first, with refusals of the right shape.
        let mut config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .with_json_response(true)
            .with_max_request_body_bytes(shared.options.max_request_bytes)
            .with_sse_keep_alive(Some(shared.options.sse_keep_alive))
            .with_cancellation_token(shared.over.clone());
        if shared.fleet.is_some() {
            config.session_store = Some(Arc::new(RecalledSessions));
        }
        Self { sdk: StreamableHttpService::new(move || Ok(handler()), sessions, config), shared }
    }

    /// Answers a request.
    pub(super) async fn handle(self: Arc<Self>, request: Request) -> Response {
        let request_id = request.extensions().get::<RequestId>().cloned();
        let request_id = request_id.unwrap_or_else(|| RequestId::fresh(self.shared.ids.as_ref()));
        if let Err(refusal) = self.shared.rebinding.check(request.uri(), request.headers()) {
            return refusal.respond(&request_id);
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response =
            if let Some(answer) = cors::preflight(request.method(), request.headers()) {
                answer
            } else {
                let answer = async {
                    let outcome = self.admitted(request, &request_id).await;
                    outcome.unwrap_or_else(|refusal| refusal.respond(&request_id))
                };
                // Without this a panic would end the connection without a word.
                let answer = AssertUnwindSafe(answer).catch_unwind().await;
                answer.unwrap_or_else(|_| Refusal::internal().respond(&request_id))
            };
        if let Some(origin) = origin {
            cors::share(&mut response, origin);
        }
        response
    }

    async fn admitted(
        self: &Arc<Self>,
        mut request: Request,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        if let Some(authenticator) = &self.shared.authenticator {
            let accepted = authenticator.authenticate(request.uri(), request.headers()).await?;
            request.extensions_mut().insert(accepted.caller);
            if let Some(expiry) = Expiry::after(accepted.remaining) {
                request.extensions_mut().insert(expiry);
            }
            // Nobody behind this needs it.
            request.headers_mut().remove(AUTHORIZATION);
        }
        match *request.method() {
            Method::POST => self.post(request, request_id).await,
            Method::GET | Method::DELETE => self.get_or_delete(request, request_id).await,
            _ => Err(Refusal::method_not_allowed(METHODS)),
        }
    }

    async fn post(
        self: &Arc<Self>,
        request: Request,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        let (mut head, body) = request.into_parts();
        if !is_json(&head.headers) {
            let message = "Unsupported media type: Content-Type must be application/json";
            return Err(Refusal::other(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).closing());
        }
        let call = self.shared.lifecycle.calls.token();
        let draining = &self.shared.lifecycle.draining;
        let limits = Limits {
            bytes: self.shared.options.max_request_bytes,
            room: &self.shared.room,
            time: self.shared.options.body_timeout,
            end: self.shared.next_end(),
        };
        let (body, room) = body::read(&head.headers, body, limits).await?;
        let message = Message::peek(&body)?;
        let id = message.id();
        let answering = |refusal: Refusal| refusal.answering(id.clone());
        if message.is_request() && draining.is_cancelled() {
            return Err(answering(Refusal::shutting_down()));
        }
        if message.is_initialize() && body.len() > MAX_INITIALIZE_BYTES {
            return Err(answering(Refusal::too_large(MAX_INITIALIZE_BYTES)));
        }
        let subject = subject(&head.extensions);
        let named = session_id(&head.headers).map(str::to_owned);
        let session =
            self.request_session(named.as_deref(), &message, &body, &head.extensions).await;
        let session = session.map_err(answering)?;
        if let Some(refusal) = message.bad_list(&body) {
            return Err(answering(refusal));
        }
        if let (Some(authenticator), Some(caller)) =
            (&self.shared.authenticator, head.extensions.get::<Caller>())
        {
            let place = (&head.uri, &head.headers);
            authenticator.step_up(caller, &message, &body, place).map_err(answering)?;
        }
        if let (Some(named), RequestSession::Existing(busy)) = (&named, &session) {
            self.note(named, busy, &message, &body, &mut head.extensions).await;
        }
        let expiry = head.extensions.remove::<Expiry>();
        head.extensions.remove::<RequestId>();
        let request = http::Request::from_parts(head, Full::new(body.clone()));
        let (visit, place) = match session {
            RequestSession::Existing(busy) => (Some(busy), None),
            RequestSession::New(place) => (None, Some(place)),
            RequestSession::None => (None, None),
        };
        let answer = Sessions::with_place(place, self.sdk.handle(request)).await;
        drop(visit);
        if let Some(opened) = session_id(answer.headers())
            && message.is_initialize()
        {
            self.share(opened, subject, &body).await;
        }
        let asked = self.asked(request_id, id.clone(), &body, named.as_deref());
        let answer = answer::shape(answer, asked).await;
        if message.is_subscription() {
            return Ok(expiry::bounded(answer, expiry));
        }
        // Until the last byte of the answer is out, the call is one that the server waits for.
        Ok(answer.map(|body| Body::new(Held::new(body, (call, room)))))
    }

    async fn get_or_delete(
        self: &Arc<Self>,
        request: Request,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        let (mut head, _) = request.into_parts();
        let expiry = head.extensions.remove::<Expiry>();
        let is_delete = head.method == Method::DELETE;
        if !is_delete && self.shared.lifecycle.draining.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        let named = session_id(&head.headers).map(str::to_owned);
        let visit = match &named {
            Some(named) if is_delete => return self.delete(named, head, request_id).await,
            Some(named) => self.session(named, &head.extensions).await?,
            None => None,
        };
        let answer = self.sdk.handle(http::Request::from_parts(head, Full::<Bytes>::default()));
        let answer = answer.await;
        drop(visit);
        let asked = self.asked(request_id, None, b"", named.as_deref());
        Ok(expiry::bounded(answer::shape(answer, asked).await, expiry))
    }

    /// Ends a session.
    async fn delete(
        &self,
        named: &str,
        head: http::request::Parts,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        let subject = subject(&head.extensions);
        let is_here = match self.shared.sessions.look_up(&key_of(named), &subject) {
            Lookup::Foreign => return Err(Refusal::unknown_session()),
            Lookup::Found(_) => true,
            Lookup::Unknown => false,
        };
        let answer = self.sdk.handle(http::Request::from_parts(head, Full::<Bytes>::default()));
        let mut answer = answer.await;
        if answer.status().is_success() {
            let ended = if is_here {
                self.end_everywhere(named).await?
            } else {
                self.end_elsewhere(named, &subject).await?
            };
            if !ended {
                return Err(Refusal::unknown_session());
            }
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        Ok(answer::shape(answer, self.asked(request_id, None, b"", Some(named))).await)
    }

    fn asked<'a>(
        &self,
        request_id: &'a RequestId,
        id: Option<Box<RawValue>>,
        body: &'a [u8],
        session: Option<&str>,
    ) -> Asked<'a> {
        let sessions = &self.shared.sessions;
        Asked {
            request_id,
            id,
            body,
            draining: self.shared.lifecycle.draining.is_cancelled(),
            session_ended: session.is_some_and(|id| !sessions.contains(&key_of(id))),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        let essence = kind.split_once(';').map_or(kind, |(essence, _)| essence);
        essence.trim().eq_ignore_ascii_case("application/json")
    })
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("mcp-session-id")?.to_str().ok()
}

/// Whom the request's credential names; nobody where none is asked for.
pub(super) fn subject(extensions: &http::Extensions) -> Subject {
    extensions.get::<Caller>()?.subject.clone()
}
