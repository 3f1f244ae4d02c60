//! The cases.

use std::time::Duration;

use dynamic_mcp::domain::LogLevel;
use dynamic_mcp::ports::{BoxStream, SessionEvent, SessionKey, SessionStore, StoredSession};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::json;

use super::SessionHarness;
use crate::support::wait::until;

/// Longer than any test runs.
const LONG: Duration = Duration::from_hours(1);

fn key(number: u8) -> SessionKey {
    SessionKey::new([number; 32])
}

fn session(owner: Option<&str>) -> StoredSession {
    StoredSession {
        owner: owner.map(Into::into),
        initialize: json!({
            "protocolVersion": "2025-11-25",
            "clientInfo": { "name": "tést \u{1F980}", "version": "1" },
            "capabilities": { "b": {}, "a": { "nul": "\u{0}" } },
        }),
        log_level: None,
    }
}

/// The next event that is about a session; fails where none comes.
async fn told(events: &mut BoxStream<SessionEvent>) -> SessionEvent {
    loop {
        let next = tokio::time::timeout(Duration::from_mins(1), events.next()).await;
        match next.unwrap().unwrap() {
            SessionEvent::Resync => {}
            event => return event,
        }
    }
}

/// Waits until a session's time is over.
async fn over(store: &dyn SessionStore, key: &SessionKey) {
    until(async || store.get(key).await.unwrap().is_none()).await;
}

pub(super) async fn what_was_kept_is_read(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    let levelled = StoredSession { log_level: Some(LogLevel::Notice), ..session(None) };
    for (number, kept) in [(1, session(Some("änn|x"))), (2, session(None)), (3, levelled)] {
        store.insert(&key(number), &kept, LONG).await.unwrap();
        assert_eq!(store.get(&key(number)).await.unwrap(), Some(kept));
    }
}

pub(super) async fn what_is_kept_already_stays(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    store.insert(&key(1), &session(Some("ann")), LONG).await.unwrap();
    store.insert(&key(1), &session(Some("bob")), LONG).await.unwrap();
    assert_eq!(store.get(&key(1)).await.unwrap(), Some(session(Some("ann"))));
}

pub(super) async fn an_unknown_session_is_none(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    assert_eq!(store.get(&key(1)).await.unwrap(), None);
    assert!(!store.remove(&key(1)).await.unwrap());
    store.set_log_level(&key(1), LogLevel::Debug).await.unwrap();
    assert_eq!(store.get(&key(1)).await.unwrap(), None);
}

pub(super) async fn time_ends_a_session(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    store.insert(&key(1), &session(None), Duration::from_millis(50)).await.unwrap();
    store.insert(&key(2), &session(None), LONG).await.unwrap();
    over(&*store, &key(1)).await;
    assert_eq!(store.touch(&[(key(1), LONG)]).await.unwrap(), [key(1)], "it is not brought back");
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert!(store.get(&key(2)).await.unwrap().is_some());
}

pub(super) async fn touching_prolongs_and_never_shortens(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    let soon = Duration::from_secs(2);
    store.insert(&key(1), &session(None), soon).await.unwrap();
    store.insert(&key(2), &session(None), soon).await.unwrap();
    store.insert(&key(3), &session(None), LONG).await.unwrap();
    let touched = [(key(1), LONG), (key(3), Duration::ZERO)];
    let gone = store.touch(&touched).await.unwrap();
    // On a machine that stands still the first may have ended before it was touched.
    if gone.is_empty() {
        over(&*store, &key(2)).await;
        assert!(store.get(&key(1)).await.unwrap().is_some());
    }
    assert!(store.get(&key(3)).await.unwrap().is_some());
}

pub(super) async fn touching_tells_what_is_gone(harness: &dyn SessionHarness) {
    let store = harness.open().await;
    assert_eq!(store.touch(&[]).await.unwrap(), []);
    for number in 0..200 {
        store.insert(&key(number), &session(None), LONG).await.unwrap();
    }
    for number in 50..60 {
        assert!(store.remove(&key(number)).await.unwrap());
    }
    let all: Vec<_> = (0..=255).map(|number| (key(number), LONG)).collect();
    let mut gone = store.touch(&all).await.unwrap();
    gone.sort_unstable();
    let expected: Vec<_> = (50..60).chain(200..=255).map(key).collect();
    assert_eq!(gone, expected);
}

pub(super) async fn one_of_many_ends_it(harness: &dyn SessionHarness) {
    let stores = [harness.open().await, harness.open().await];
    stores[0].insert(&key(1), &session(None), LONG).await.unwrap();
    let ends = (0..16).map(|n| {
        let store = stores[n % 2].clone();
        async move { store.remove(&key(1)).await.unwrap() }
    });
    let ended = join_all(ends).await.into_iter().filter(|ended| *ended).count();
    assert_eq!(ended, 1);
    assert_eq!(stores[1].get(&key(1)).await.unwrap(), None);
}

pub(super) async fn everybody_hears_of_an_end(harness: &dyn SessionHarness) {
    let (one, two) = (harness.open().await, harness.open().await);
    let mut events = two.watch();
    one.insert(&key(1), &session(None), LONG).await.unwrap();
    one.remove(&key(1)).await.unwrap();
    assert_eq!(told(&mut events).await, SessionEvent::Ended(key(1)));
}

pub(super) async fn everybody_hears_of_a_level(harness: &dyn SessionHarness) {
    let (one, two) = (harness.open().await, harness.open().await);
    let mut events = two.watch();
    one.insert(&key(1), &session(None), LONG).await.unwrap();
    one.set_log_level(&key(1), LogLevel::Warning).await.unwrap();
    assert_eq!(told(&mut events).await, SessionEvent::LogLevel(key(1), LogLevel::Warning));
    let kept = two.get(&key(1)).await.unwrap().unwrap();
    assert_eq!(kept.log_level, Some(LogLevel::Warning));
}

pub(super) async fn everybody_hears_of_a_cancellation(harness: &dyn SessionHarness) {
    let (one, two) = (harness.open().await, harness.open().await);
    let mut events = two.watch();
    one.insert(&key(1), &session(None), LONG).await.unwrap();
    for request in ["7", r#""a \" \u0000 b""#, &format!("\"{}\"", "x".repeat(1_022))] {
        one.cancel(&key(1), request).await.unwrap();
        let cancelled = SessionEvent::Cancelled(key(1), request.to_owned());
        assert_eq!(told(&mut events).await, cancelled);
    }
}

pub(super) async fn handles_see_the_same(harness: &dyn SessionHarness) {
    let (one, two) = (harness.open().await, harness.open().await);
    one.insert(&key(1), &session(Some("ann")), LONG).await.unwrap();
    assert_eq!(two.get(&key(1)).await.unwrap(), Some(session(Some("ann"))));
    assert_eq!(two.touch(&[(key(1), LONG)]).await.unwrap(), []);
    assert!(two.remove(&key(1)).await.unwrap());
    assert_eq!(one.get(&key(1)).await.unwrap(), None);
}

/// Replicas that keep the same sessions don't block each other, in whatever order they name them.
pub(super) async fn many_touch_the_same_at_once(harness: &dyn SessionHarness) {
    let stores = [harness.open().await, harness.open().await];
    for number in 0..100 {
        stores[0].insert(&key(number), &session(None), LONG).await.unwrap();
    }
    let touches = (0..20).map(|n: usize| {
        let store = stores[n % 2].clone();
        let mut asked: Vec<_> = (0..100).map(|number| (key(number), LONG)).collect();
        asked.rotate_left(n * 7 % 100);
        if n.is_multiple_of(3) {
            asked.reverse();
        }
        async move { store.touch(&asked).await.unwrap() }
    });
    for gone in join_all(touches).await {
        assert_eq!(gone, []);
    }
}
