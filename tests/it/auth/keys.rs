//! The issuer's keys: fetched, kept, refreshed, and what happens while its server misbehaves.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::auth::KeyTimes;
use dynamic_mcp::ports::{TokenError, TokenVerifier as _};
use serde_json::json;

use super::{judge, ready, times};
use crate::support::issuer::keys::SigningKey;
use crate::support::issuer::{Issuer, Mood, now};
use crate::support::wait::until;

/// Refreshes all the time.
fn restless() -> KeyTimes {
    KeyTimes {
        refresh: Duration::from_millis(20),
        pause: Duration::from_millis(20),
        retry: Duration::from_millis(50),
        fetch: Duration::from_millis(200),
        ..KeyTimes::default()
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, KeyTimes { pause: Duration::ZERO, ..times() }).await;
    let old = issuer.token(&json!({}));
    issuer.publish(vec![SigningKey::new("second"), issuer.key(0)]);
    judge(&verifier, &issuer.token(&json!({}))).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
    judge(&verifier, &old).await.unwrap();
    assert_eq!(issuer.fetches(), 2, "what is known is not asked for");
}

#[tokio::test]
async fn a_key_that_was_published_right_after_a_fetch_is_waited_for() {
    let issuer = Issuer::start().await;
    let pause = Duration::from_secs(1);
    let verifier = ready(&issuer, KeyTimes { pause, ..times() }).await;
    for round in 2..5 {
        issuer.publish(vec![SigningKey::new(&format!("key-{round}"))]);
        judge(&verifier, &issuer.token(&json!({}))).await.unwrap();
        assert_eq!(issuer.fetches(), round);
    }
}

#[tokio::test]
async fn a_key_that_was_published_during_a_fetch_is_not_missed() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    issuer.be(Mood::Late);
    let stranger = SigningKey::new("stranger").sign(&issuer.claims(&json!({})));
    let asked = judge(&verifier, &stranger);
    let published = async {
        until(async || issuer.fetches() == 2).await;
        issuer.publish(vec![SigningKey::new("second")]);
        let token = issuer.token(&json!({}));
        let released = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            issuer.be(Mood::Well);
        };
        tokio::join!(judge(&verifier, &token), released).0
    };
    let (refused, accepted) = tokio::join!(asked, published);
    assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}");
    accepted.unwrap();
}

#[tokio::test]
async fn unknown_keys_cause_few_questions() {
    let issuer = Issuer::start().await;
    let pause = Duration::from_secs(1);
    let verifier = ready(&issuer, KeyTimes { pause, ..times() }).await;
    let claims = issuer.claims(&json!({}));
    let strangers = (0..200).map(|index| {
        let stranger = SigningKey::new(&format!("made-up-{index}")).sign(&claims);
        let verifier = &verifier;
        async move { judge(verifier, &stranger).await.unwrap_err() }
    });
    for error in futures_util::future::join_all(strangers).await {
        assert!(matches!(error, TokenError::Invalid(_)), "{error:?}");
    }
    assert_eq!(issuer.fetches(), 2, "they share the one fetch after the pause");
}

#[tokio::test]
async fn those_who_wait_for_a_fetch_are_bounded() {
    let issuer = Issuer::start().await;
    let pause = Duration::from_secs(1);
    let verifier = ready(&issuer, KeyTimes { pause, ..times() }).await;
    let good = issuer.token(&json!({}));
    let stranger = SigningKey::new("stranger").sign(&issuer.claims(&json!({})));
    let judged = futures_util::future::join_all((0..1_200).map(|_| judge(&verifier, &stranger)));
    let (judged, accepted) = tokio::join!(judged, judge(&verifier, &good));
    accepted.unwrap();
    let told_to_retry = judged.iter().filter(|one| matches!(one, Err(TokenError::Unavailable(_))));
    assert_eq!(told_to_retry.count(), 200);
    assert!(judged.iter().all(Result::is_err));
}

#[tokio::test]
async fn many_who_ask_at_once_share_a_fetch() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, KeyTimes { pause: Duration::ZERO, ..times() }).await;
    issuer.publish(vec![SigningKey::new("second")]);
    let token: Arc<str> = issuer.token(&json!({})).into();
    let asking = (0..50).map(|_| {
        let (jwt, token) = (Arc::clone(&verifier.jwt), Arc::clone(&token));
        tokio::spawn(async move { jwt.verify(&token).await })
    });
    for asked in futures_util::future::join_all(asking).await {
        asked.unwrap().unwrap();
    }
    assert!(issuer.fetches() <= 4, "{} fetches", issuer.fetches());
}

#[tokio::test]
async fn a_key_that_is_withdrawn_is_no_good_any_more() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, restless()).await;
    let old = issuer.token(&json!({}));
    judge(&verifier, &old).await.unwrap();
    issuer.publish(vec![SigningKey::new("second")]);
    until(async || judge(&verifier, &old).await.is_err()).await;
    judge(&verifier, &issuer.token(&json!({}))).await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_accepted_is_refused_once_it_expires() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    // What is still accepted of it is less than the leeway.
    let token = issuer.token(&json!({ "exp": now() - 55 }));
    for _ in 0..2 {
        let accepted = verifier.jwt.verify(&token).await.unwrap();
        assert!(accepted.remaining <= Duration::from_secs(5), "{accepted:?}");
    }
    until(async || judge(&verifier, &token).await.is_err()).await;
    let error = judge(&verifier, &token).await.unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
    for (exp, least) in [(json!(now() + 300), 300), (json!(9_000_000_000_000_u64), 1_000_000)] {
        let token = issuer.token(&json!({ "exp": exp }));
        for _ in 0..2 {
            let accepted = verifier.jwt.verify(&token).await.unwrap();
            assert!(accepted.remaining > Duration::from_secs(least), "{accepted:?}");
        }
    }
}

#[tokio::test]
async fn rotation_again_and_again_refuses_nobody() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, restless()).await;
    for round in 0..20 {
        // As issuers do it: the new key is published before the old one goes.
        let new = SigningKey::new(&format!("key-{round}"));
        issuer.publish(vec![new, issuer.key(0)]);
        for _ in 0..5 {
            until(async || judge(&verifier, &issuer.token(&json!({}))).await.is_ok()).await;
        }
    }
}

#[tokio::test]
async fn while_the_issuer_is_away_its_old_keys_do() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, restless()).await;
    let token = issuer.token(&json!({}));
    for mood in [Mood::Down, Mood::Silent, Mood::Endless, Mood::Nonsense, Mood::Redirecting] {
        issuer.be(mood);
        let before = issuer.fetches();
        until(async || issuer.fetches() >= before + 3).await;
        judge(&verifier, &token).await.unwrap_or_else(|error| panic!("{mood:?}: {error}"));
        assert_eq!(verifier.jwt.problem(), None, "{mood:?}");
        // What can't be judged is not accepted: nobody knows whether this key is the issuer's by now.
        let stranger = SigningKey::new("stranger").sign(&issuer.claims(&json!({})));
        let error = judge(&verifier, &stranger).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{mood:?}: {error:?}");
    }
    // Nor is an empty set taken for a good one.
    issuer.be(Mood::Well);
    let keys = vec![issuer.key(0)];
    issuer.publish(Vec::new());
    let before = issuer.fetches();
    until(async || issuer.fetches() >= before + 3).await;
    judge(&verifier, &token).await.unwrap();
    issuer.publish(keys);
}

#[tokio::test]
async fn keys_that_nobody_confirms_are_given_up_in_the_end() {
    let issuer = Issuer::start().await;
    let stale = KeyTimes { stale: Duration::from_secs(1), ..restless() };
    let verifier = ready(&issuer, stale).await;
    let token = issuer.token(&json!({}));
    issuer.be(Mood::Down);
    until(async || judge(&verifier, &token).await.is_err()).await;
    let error = judge(&verifier, &token).await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
    assert!(verifier.jwt.problem().is_some());
    issuer.be(Mood::Well);
    until(async || judge(&verifier, &token).await.is_ok()).await;
    assert_eq!(verifier.jwt.problem(), None);
}

#[tokio::test]
async fn a_start_without_the_issuer_says_so_and_recovers() {
    let issuer = Issuer::start().await;
    issuer.be(Mood::Down);
    let verifier = issuer.verifier(restless());
    let token = issuer.token(&json!({}));
    let error = judge(&verifier, &token).await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
    let problem = verifier.jwt.problem().unwrap();
    assert!(problem.contains("issuer") && !problem.contains("127.0.0.1"), "{problem}");
    issuer.be(Mood::Well);
    until(async || judge(&verifier, &token).await.is_ok()).await;
}

#[tokio::test]
async fn the_first_request_waits_for_the_first_fetch() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier(times());
    judge(&verifier, &issuer.token(&json!({}))).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}
