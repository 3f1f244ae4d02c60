//! The MCP endpoint: judges a request before the SDK sees it, and the SDK's answer after.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
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
use super::message::Message;
use super::refusal::Refusal;
use super::sessions::{Busy, Lookup, Reservation, Sessions, Subject};
use super::state::Shared;
use crate::domain::caller::Caller;

/// Most calls that one session may have running: each of them holds memory, whether or not the guard lets
/// it run.
const MAX_CALLS_OF_A_SESSION: usize = 256;

/// The MCP endpoint.
pub(super) struct Endpoint<H> {
    sdk: StreamableHttpService<H, Sessions>,
    shared: Arc<Shared>,
}

/// What a request has to do with sessions.
enum Standing {
    /// It names one that is the caller's.
    In(Busy),
    /// It asks for one.
    Opening(Reservation),
    /// Neither, or it names one that isn't there: a matter for the SDK, since newer revisions of MCP have
    /// no sessions.
    Outside,
}

impl<H: ServerHandler> Endpoint<H> {
    pub(super) fn new(
        handler: impl Fn() -> H + Send + Sync + 'static,
        sessions: Arc<Sessions>,
        shared: Arc<Shared>,
    ) -> Self {
        // Host, Origin and size are checked here first, with refusals of the right shape.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .with_json_response(true)
            .with_max_request_body_bytes(shared.options.max_request_bytes)
            .with_sse_keep_alive(Some(shared.options.sse_keep_alive))
            .with_cancellation_token(shared.lifecycle.stopped.child_token());
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
                let outcome = self.admitted(request, &request_id).await;
                outcome.unwrap_or_else(|refusal| refusal.respond(&request_id))
            };
        if let Some(origin) = origin {
            cors::share(&mut response, origin);
        }
        response
    }

    async fn admitted(
        &self,
        mut request: Request,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        if let Some(gatekeeper) = &self.shared.gatekeeper {
            let caller = gatekeeper.admit(request.uri(), request.headers()).await?;
            request.extensions_mut().insert(caller);
            // Nobody behind this needs it.
            request.headers_mut().remove(AUTHORIZATION);
        }
        match *request.method() {
            Method::POST => self.post(request, request_id).await,
            Method::GET | Method::DELETE => self.get_or_delete(request, request_id).await,
            _ => Err(Refusal::method_not_allowed(METHODS)),
        }
    }

    async fn post(&self, request: Request, request_id: &RequestId) -> Result<Response, Refusal> {
        let (mut head, body) = request.into_parts();
        if !is_json(&head.headers) {
            let message = "Unsupported media type: Content-Type must be application/json";
            return Err(Refusal::other(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).closing());
        }
        let call = self.shared.lifecycle.calls.token();
        let draining = &self.shared.lifecycle.draining;
        let limits = Limits {
            bytes: self.shared.options.max_request_bytes,
            time: self.shared.options.body_timeout,
            end: self.shared.next_end(),
        };
        let body = body::read(&head.headers, body, limits).await?;
        let message = Message::peek(&body)?;
        let id = message.id();
        let answering = |refusal: Refusal| refusal.answering(id.clone());
        if message.is_request() && draining.is_cancelled() {
            return Err(answering(Refusal::shutting_down()));
        }
        let subject = subject(&head.extensions);
        let named = session_id(&head.headers).map(str::to_owned);
        let standing =
            self.standing(named.as_deref(), subject, &message, &body).map_err(answering)?;
        head.extensions.remove::<RequestId>();
        let request = http::Request::from_parts(head, Full::new(body.clone()));
        let (visit, place) = match standing {
            Standing::In(busy) => (Some(busy), None),
            Standing::Opening(place) => (None, Some(place)),
            Standing::Outside => (None, None),
        };
        let answer = Sessions::with_place(place, self.sdk.handle(request)).await;
        drop(visit);
        let asked = self.asked(request_id, id.clone(), &body, named.as_deref());
        let answer = answer::shape(answer, asked).await;
        if message.is_subscription() {
            return Ok(answer);
        }
        // Until the last byte of the answer is out, the call is one that the server waits for.
        Ok(answer.map(|body| Body::new(Held::new(body, call))))
    }

    async fn get_or_delete(
        &self,
        request: Request,
        request_id: &RequestId,
    ) -> Result<Response, Refusal> {
        let (head, _) = request.into_parts();
        let is_delete = head.method == Method::DELETE;
        if !is_delete && self.shared.lifecycle.draining.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        let subject = subject(&head.extensions);
        let named = session_id(&head.headers).map(str::to_owned);
        let visit = match named.as_deref().map(|id| self.shared.sessions.look_up(id, &subject)) {
            Some(Lookup::Foreign) => return Err(Refusal::unknown_session()),
            Some(Lookup::Found(busy)) => Some(busy),
            Some(Lookup::Unknown) | None => None,
        };
        let is_known = visit.is_some();
        let answer = self.sdk.handle(http::Request::from_parts(head, Full::<Bytes>::default()));
        let mut answer = answer.await;
        drop(visit);
        if is_delete && answer.status().is_success() {
            if !is_known {
                return Err(Refusal::unknown_session());
            }
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        Ok(answer::shape(answer, self.asked(request_id, None, b"", named.as_deref())).await)
    }

    fn standing(
        &self,
        named: Option<&str>,
        subject: Subject,
        message: &Message<'_>,
        body: &[u8],
    ) -> Result<Standing, Refusal> {
        let sessions = &self.shared.sessions;
        let Some(named) = named else {
            if !message.is_initialize() {
                return Ok(Standing::Outside);
            }
            if let Some(refusal) = Message::bad_handshake(body) {
                return Err(refusal);
            }
            let full = "Too many sessions: the server has as many as it may have";
            let refusal = || Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, full);
            return sessions.reserve(subject).map(Standing::Opening).ok_or_else(refusal);
        };
        match sessions.look_up(named, &subject) {
            Lookup::Unknown => Ok(Standing::Outside),
            Lookup::Foreign => Err(Refusal::unknown_session()),
            Lookup::Found(busy) => {
                if message.is_request() && busy.session().calls() >= MAX_CALLS_OF_A_SESSION {
                    let full = "Too many calls of this session are running";
                    return Err(Refusal::busy(StatusCode::TOO_MANY_REQUESTS, full));
                }
                Ok(Standing::In(busy))
            }
        }
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
            session_ended: session.is_some_and(|id| !sessions.contains(id)),
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
fn subject(extensions: &http::Extensions) -> Subject {
    extensions.get::<Caller>()?.subject.clone()
}
