//! Sessions that several servers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::inbound::http::HttpOptions;
use dynamic_mcp::adapters::outbound::store::MemorySessionStore;
use dynamic_mcp::domain::LogLevel;
use dynamic_mcp::ports::{
    BoxStream, SessionEvent, SessionKey, SessionStore, SessionStoreError, StoredSession,
};

use super::client::{INITIALIZE, PING, call, mcp_headers};
use super::server::{TestServer, options};
use crate::support::wait::until;

const ACTIVE: &str = "dynamic_mcp_http_sessions_active";

/// A store that can be away.
#[derive(Default)]
struct Store {
    inner: MemorySessionStore,
    away: AtomicBool,
}

impl Store {
    fn is_there(&self) -> Result<(), SessionStoreError> {
        if self.away.load(Ordering::SeqCst) {
            let reason = "a test has taken it away".to_owned();
            return Err(SessionStoreError::Unavailable { reason, source: None });
        }
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn insert(
        &self,
        key: &SessionKey,
        session: &StoredSession,
        ttl: Duration,
    ) -> Result<(), SessionStoreError> {
        self.is_there()?;
        self.inner.insert(key, session, ttl).await
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<StoredSession>, SessionStoreError> {
        self.is_there()?;
        self.inner.get(key).await
    }

    async fn touch(
        &self,
        sessions: &[(SessionKey, Duration)],
    ) -> Result<Vec<SessionKey>, SessionStoreError> {
        self.is_there()?;
        self.inner.touch(sessions).await
    }

    async fn set_log_level(
        &self,
        key: &SessionKey,
        level: LogLevel,
    ) -> Result<(), SessionStoreError> {
        self.is_there()?;
        self.inner.set_log_level(key, level).await
    }

    async fn remove(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        self.is_there()?;
        self.inner.remove(key).await
    }

    async fn cancel(&self, key: &SessionKey, request: &str) -> Result<(), SessionStoreError> {
        self.is_there()?;
        self.inner.cancel(key, request).await
    }

    async fn sweep(&self) -> Result<u64, SessionStoreError> {
        self.is_there()?;
        self.inner.sweep().await
    }

    fn watch(&self) -> BoxStream<SessionEvent> {
        self.inner.watch()
    }
}

/// Two servers on one store.
async fn pair(ttl: Duration) -> (Arc<Store>, [TestServer; 2]) {
    let store = Arc::new(Store::default());
    let server = async || {
        let options = HttpOptions { session_ttl: ttl, ..options() };
        TestServer::of_fleet(options, Arc::clone(&store) as _).await
    };
    let servers = [server().await, server().await];
    (store, servers)
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_session_works_at_every_replica() {
    let (_, [a, b]) = pair(LONG).await;
    let session = a.session().await;
    for (id, server) in (10..).zip([&b, &a, &b]) {
        let mut client = server.client().await;
        client
            .send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(id, "echo"))
            .await;
        assert_eq!(client.head().await.status, 200);
        let event = client.event().await.unwrap();
        assert_eq!((&event["id"], &event["result"]["isError"]), (&id.into(), &false.into()));
    }
    let mut stream = b.stream(&session).await;
    b.client().await.post(&session, &call(3, "announce")).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn many_requests_at_once_bring_it_back_once() {
    let (_, [a, b]) = pair(LONG).await;
    let session = Arc::new(a.session().await);
    let b = Arc::new(b);
    let requests = (0..20).map(|_| {
        let (b, session) = (Arc::clone(&b), Arc::clone(&session));
        tokio::spawn(async move { b.client().await.post(&session, PING).await.head.status })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert!((b.metric(ACTIVE) - 1.0).abs() < 0.5);
}

#[tokio::test]
async fn a_session_outlives_the_server_that_opened_it() {
    let (_, [mut a, b]) = pair(LONG).await;
    let session = a.session().await;
    a.end().await;
    assert_eq!(b.client().await.post(&session, PING).await.head.status, 200);
}

#[tokio::test]
async fn one_that_was_deleted_is_gone_everywhere() {
    let (_, [a, b]) = pair(LONG).await;
    let session = a.session().await;
    let mut stream = b.stream(&session).await;
    let mut caller = b.client().await;
    caller.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(2, "hold")).await;
    b.until_running(1).await;
    assert_eq!(a.client().await.get("DELETE", "/mcp", &session).await.head.status, 204);
    assert!(stream.event().await.is_none(), "its stream ends where it is");
    b.until_running(0).await;
    for server in [&a, &b] {
        server.client().await.post(&session, PING).await.assert_refused(404, -32_001);
        let mut client = server.client().await;
        client.get("DELETE", "/mcp", &session).await.assert_refused(404, -32_001);
    }
    // Also where the one who is asked does not have it.
    let session = a.session().await;
    assert_eq!(b.client().await.get("DELETE", "/mcp", &session).await.head.status, 204);
    until(async || a.metric(ACTIVE) < 0.5).await;
    a.client().await.post(&session, PING).await.assert_refused(404, -32_001);
}

#[tokio::test]
async fn a_cancellation_finds_its_call() {
    let (_, [a, b]) = pair(LONG).await;
    let session = a.session().await;
    let mut client = a.client().await;
    client.send("POST", "/mcp", &format!("{}{session}", mcp_headers()), &call(5, "hold")).await;
    a.until_running(1).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    assert_eq!(b.client().await.post(&session, cancel).await.head.status, 202);
    a.until_running(0).await;
    assert_eq!(a.handler.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_comes_back_elsewhere_hears_that_the_list_may_have_changed() {
    let (_, [mut a, b]) = pair(LONG).await;
    let session = a.session().await;
    let mut stream = a.stream(&session).await;
    a.client().await.post(&session, &call(3, "announce")).await;
    stream.event().await.unwrap();
    a.end().await;
    for last in ["1", "0"] {
        let mut back = b.client().await;
        let resume = format!("{}{session}Last-Event-ID: {last}\r\n", mcp_headers());
        back.send("GET", "/mcp", &resume, "").await;
        assert_eq!(back.head().await.status, 200);
        assert_eq!(back.event().await.unwrap()["method"], "notifications/tools/list_changed");
    }
    // An answer that waited at the other one is lost with it.
    let mut back = b.client().await;
    let resume = format!("{}{session}Last-Event-ID: 0/1\r\n", mcp_headers());
    back.send("GET", "/mcp", &resume, "").await;
    assert!(back.answer().await.body.is_empty());
}

#[tokio::test]
async fn time_ends_it_everywhere_unless_it_is_used_somewhere() {
    let (store, [a, b]) = pair(Duration::from_millis(200)).await;
    let opened = a.client().await.post("", INITIALIZE).await;
    let session = format!("Mcp-Session-Id: {}\r\n", opened.head.header("mcp-session-id").unwrap());
    // An open stream at one of them keeps it for all.
    let mut reader = b.client().await;
    reader.send("GET", "/mcp", &format!("{}{session}", mcp_headers()), "").await;
    if reader.head().await.status == 200 {
        // The other one drops its copy, which nobody uses.
        until(async || a.metric(ACTIVE) < 0.5).await;
        assert_eq!(a.client().await.post(&session, PING).await.head.status, 200);
        drop(reader);
    }
    until(async || a.metric(ACTIVE) + b.metric(ACTIVE) < 0.5).await;
    let gone = async {
        while a.client().await.post(&session, PING).await.head.status == 200 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), gone).await.unwrap();
    store.inner.sweep().await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_costs_nobody_a_session() {
    let (store, [a, b]) = pair(Duration::from_secs(8)).await;
    let shared = a.session().await;
    store.away.store(true, Ordering::SeqCst);
    // What is here goes on, and what is new is served where it is.
    assert_eq!(a.client().await.post(&shared, PING).await.head.status, 200);
    let lonely = a.session().await;
    assert_eq!(a.client().await.post(&lonely, PING).await.head.status, 200);
    // Elsewhere nobody knows, and nobody says that it is gone.
    for session in [&shared, &lonely] {
        let answer = b.client().await.post(session, PING).await;
        answer.assert_refused(503, -32_000);
        assert_eq!(answer.head.header("retry-after"), Some("1"));
    }
    // An end that the others can't be told of can be asked for again.
    a.client().await.get("DELETE", "/mcp", &shared).await.assert_refused(503, -32_000);
    store.away.store(false, Ordering::SeqCst);
    assert_eq!(a.client().await.get("DELETE", "/mcp", &shared).await.head.status, 204);
    // What was opened meanwhile is shared now, as long as it is used.
    let arrived = async {
        while b.client().await.post(&lonely, PING).await.head.status != 200 {
            assert_eq!(a.client().await.post(&lonely, PING).await.head.status, 200);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), arrived).await.unwrap();
}

#[tokio::test]
async fn what_is_no_id_of_ours_is_not_looked_up() {
    let (store, [a, _]) = pair(LONG).await;
    store.away.store(true, Ordering::SeqCst);
    for id in ["x", "00000000-0000-0000-0000-00000000000g", &"0".repeat(4_000)] {
        let header = format!("Mcp-Session-Id: {id}\r\n");
        a.client().await.post(&header, PING).await.assert_refused(404, -32_001);
    }
}

#[tokio::test]
async fn a_handshake_may_not_be_huge() {
    let (_, [a, _]) = pair(LONG).await;
    let huge = INITIALIZE.replace("\"test\"", &format!("\"{}\"", "x".repeat(70_000)));
    a.client().await.post("", &huge).await.assert_refused(413, -32_013);
}
