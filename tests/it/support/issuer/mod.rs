//! An issuer of access tokens on this machine, whose server can be made to misbehave.

pub(crate) mod keys;
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use dynamic_mcp::adapters::outbound::auth::{JwtRules, JwtVerifier, KeyTimes};
use dynamic_mcp::adapters::outbound::clock::SystemClock;
use http::StatusCode;
use keys::SigningKey;
use serde_json::{Value, json};
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// For whom its tokens are, unless a test says otherwise.
pub(crate) const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// How its server answers when it is asked for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    Well,
    /// 503.
    Down,
    /// With the keys that it had when it was asked, once its mood changes.
    Late,
    /// Never.
    Silent,
    /// With more than anybody wants.
    Endless,
    /// With something else.
    Nonsense,
    /// Elsewhere, where there are keys.
    Redirecting,
}

struct Inner {
    url: String,
    desk: server::Desk,
    keys: Mutex<Vec<SigningKey>>,
    mood: Mutex<Mood>,
    fetches: AtomicUsize,
}

/// An issuer, ended when dropped.
pub(crate) struct Issuer {
    inner: Arc<Inner>,
    server: AbortHandle,
}

/// A verifier of an issuer's tokens, with its background ended when dropped.
pub(crate) struct Verifier {
    pub(crate) jwt: Arc<JwtVerifier>,
    _end: DropGuard,
}

impl Issuer {
    /// With one key, `first`.
    pub(crate) async fn start() -> Self {
        Self::with(vec![SigningKey::new("first")]).await
    }

    pub(crate) async fn with(keys: Vec<SigningKey>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            url: format!("http://{address}"),
            desk: server::Desk::default(),
            keys: Mutex::new(keys),
            mood: Mutex::new(Mood::Well),
            fetches: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/jwks", get(jwks))
            .route("/elsewhere", get(keys_of))
            .merge(server::routes())
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, server: serving.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        self.inner.url.clone()
    }

    /// What its server does from now on.
    pub(crate) fn be(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// How often it was asked for its keys.
    pub(crate) fn fetches(&self) -> usize {
        self.inner.fetches.load(Ordering::SeqCst)
    }

    /// Publishes these keys from now on.
    pub(crate) fn publish(&self, keys: Vec<SigningKey>) {
        *self.inner.keys.lock().unwrap() = keys;
    }

    /// A key of its own.
    pub(crate) fn key(&self, index: usize) -> SigningKey {
        self.inner.keys.lock().unwrap()[index].clone()
    }

    /// Good claims, with these over them; `null` takes one out.
    pub(crate) fn claims(&self, over: &Value) -> Value {
        let mut claims = good_claims(&self.inner.url);
        let fields = claims.as_object_mut().unwrap();
        fields.extend(over.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        claims
    }

    /// A token with these claims over good ones, signed with its first key.
    pub(crate) fn token(&self, over: &Value) -> String {
        self.key(0).sign(&self.claims(over))
    }

    pub(crate) fn rules(&self, times: KeyTimes) -> JwtRules {
        JwtRules {
            jwks_url: format!("{}/jwks", self.url()).parse().unwrap(),
            issuer: self.url(),
            audience: AUDIENCE.to_owned(),
            times,
        }
    }

    pub(crate) fn verifier(&self, times: KeyTimes) -> Verifier {
        let stopped = CancellationToken::new();
        let (clock, tasks) = (Arc::new(SystemClock), TaskTracker::new());
        let jwt = JwtVerifier::start(self.rules(times), clock, &tasks, &stopped).unwrap();
        Verifier { jwt: Arc::new(jwt), _end: stopped.drop_guard() }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a good token of this issuer's says.
fn good_claims(issuer: &str) -> Value {
    let now = now();
    json!({
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "alice",
        "client_id": "agent",
        "scope": "mcp:use",
        "iat": now,
        "exp": now + 300,
    })
}

async fn keys_of(State(issuer): State<Arc<Inner>>) -> String {
    let keys = issuer.keys.lock().unwrap();
    json!({ "keys": keys.iter().map(|key| &key.public).collect::<Vec<_>>() }).to_string()
}

async fn jwks(State(issuer): State<Arc<Inner>>) -> Response {
    let keys = keys_of(State(Arc::clone(&issuer))).await;
    issuer.fetches.fetch_add(1, Ordering::SeqCst);
    let mood = || *issuer.mood.lock().unwrap();
    let answer = |status, body| Response::builder().status(status).body(body).unwrap();
    match mood() {
        Mood::Well => answer(StatusCode::OK, Body::from(keys)),
        Mood::Late => {
            while mood() == Mood::Late {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            answer(StatusCode::OK, Body::from(keys))
        }
        Mood::Down => answer(StatusCode::SERVICE_UNAVAILABLE, Body::empty()),
        Mood::Silent => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            answer(StatusCode::OK, Body::empty())
        }
        Mood::Endless => {
            let stream = futures_util::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![b' '; 65_536]))
            });
            answer(StatusCode::OK, Body::from_stream(stream))
        }
        Mood::Nonsense => answer(StatusCode::OK, Body::from("<html>sign in</html>")),
        Mood::Redirecting => {
            let mut moved = answer(StatusCode::FOUND, Body::empty());
            moved.headers_mut().insert("location", "/elsewhere".parse().unwrap());
            moved
        }
    }
}
