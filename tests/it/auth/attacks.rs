//! Tokens that have to be refused, each with what is wrong about it, beside ones that have to be accepted.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{judge, ready, times};
use crate::support::issuer::keys::{SigningKey, base64url};
use crate::support::issuer::{Issuer, Mood, now};

/// A token from its parts.
fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), base64url(signature))
}

#[tokio::test]
async fn every_kind_of_signature_that_is_taken_is_taken() {
    let keys = vec![
        SigningKey::new("es"),
        SigningKey::edwards("ed"),
        SigningKey::rsa("rs", Algorithm::RS256),
        SigningKey::rsa("ps", Algorithm::PS256),
    ];
    let issuer = Issuer::with(keys.clone()).await;
    let verifier = ready(&issuer, times()).await;
    for key in &keys {
        let caller = judge(&verifier, &key.sign(&issuer.claims(&json!({})))).await.unwrap();
        assert_eq!(caller.subject.as_deref(), Some("alice"), "{}", key.id);
        assert_eq!(caller.client.as_deref(), Some("agent"));
        assert_eq!(*caller.scopes, ["mcp:use"]);
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn whom_and_what_a_token_is_for_is_read_from_every_spelling() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    for (over, subject, client, scopes) in [
        (json!({ "scope": "b a  b" }), "alice", "agent", &["a", "b"][..]),
        (json!({ "scope": null, "scp": ["x", "y"] }), "alice", "agent", &["x", "y"]),
        (json!({ "scope": "a", "scp": "y" }), "alice", "agent", &["a", "y"]),
        (json!({ "scope": null }), "alice", "agent", &[]),
        (json!({ "client_id": null, "azp": "web" }), "alice", "web", &["mcp:use"]),
        (json!({ "client_id": null }), "alice", "alice", &["mcp:use"]),
        (json!({ "sub": null }), "agent", "agent", &["mcp:use"]),
        (
            json!({ "aud": ["other", super::super::support::issuer::AUDIENCE] }),
            "alice",
            "agent",
            &["mcp:use"],
        ),
        (json!({ "exp": now() - 30 }), "alice", "agent", &["mcp:use"]),
        (json!({ "nbf": now() + 30 }), "alice", "agent", &["mcp:use"]),
    ] {
        let caller = judge(&verifier, &issuer.token(&over)).await;
        let caller = caller.unwrap_or_else(|error| panic!("{over}: {error}"));
        assert_eq!(caller.subject.as_deref(), Some(subject), "{over}");
        assert_eq!(caller.client.as_deref(), Some(client), "{over}");
        assert_eq!(*caller.scopes, *scopes, "{over}");
    }
}

#[tokio::test]
async fn claims_that_are_not_good_are_refused() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    for (over, why) in [
        (json!({ "exp": now() - 61 }), "expired"),
        (json!({ "exp": null }), "lacks"),
        (json!({ "exp": "tomorrow" }), "lacks"),
        (json!({ "exp": -1 }), "lacks"),
        (json!({ "nbf": now() + 120 }), "not valid yet"),
        (json!({ "nbf": "later" }), "can't be read"),
        (json!({ "iss": "https://evil.example.com" }), "another issuer"),
        (json!({ "iss": format!("{}/", issuer.url()) }), "another issuer"),
        (json!({ "iss": [issuer.url(), "https://evil.example.com"] }), "can't be read"),
        (json!({ "iss": null }), "can't be read"),
        (json!({ "aud": "https://other.example.com" }), "another audience"),
        (json!({ "aud": ["a", "b"] }), "another audience"),
        (json!({ "aud": [] }), "another audience"),
        (json!({ "aud": null }), "lacks"),
        (json!({ "sub": null, "client_id": null }), "of nobody"),
        (json!({ "sub": "", "client_id": "" }), "of nobody"),
        (json!({ "sub": "x".repeat(2_000) }), "of nobody"),
        (json!({ "scope": { "a": 1 } }), "can't be read"),
        (json!({ "sub": 7 }), "can't be read"),
    ] {
        let refused = judge(&verifier, &issuer.token(&over)).await;
        let error = refused.map(|caller| panic!("{over}: {caller:?}")).unwrap_err().to_string();
        assert!(error.contains(why), "{over}: {error}");
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    let claims = issuer.claims(&json!({}));
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": none, "typ": "JWT", "kid": "first" });
        for token in [raw(&header, &claims, b""), raw(&header, &claims, b"x")] {
            judge(&verifier, &token).await.unwrap_err();
        }
    }
    let good = issuer.token(&json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    judge(&verifier, &good).await.unwrap();
    for token in [format!("{signed}."), signed.to_owned(), format!("{signed}.{signature}.")] {
        judge(&verifier, &token).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let rsa = SigningKey::rsa("rsa", Algorithm::RS256);
    let issuer = Issuer::with(vec![rsa.clone()]).await;
    let verifier = ready(&issuer, times()).await;
    let modulus = rsa.public["n"].as_str().unwrap();
    let document = rsa.public.to_string();
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in [modulus.as_bytes(), document.as_bytes(), b"", b"rsa"] {
            let header = Header { kid: Some("rsa".to_owned()), ..Header::new(algorithm) };
            let key = EncodingKey::from_secret(secret);
            let token = jsonwebtoken::encode(&header, &issuer.claims(&json!({})), &key).unwrap();
            let error = judge(&verifier, &token).await.unwrap_err().to_string();
            assert!(error.contains("not accepted"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_published_secret_signs_for_nobody() {
    let mut shared = SigningKey::new("shared");
    shared.public =
        json!({ "kty": "oct", "kid": "shared", "k": base64url(b"everybody reads this") });
    let issuer = Issuer::with(vec![SigningKey::new("first"), shared]).await;
    let verifier = ready(&issuer, times()).await;
    let header = Header { kid: Some("shared".to_owned()), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(b"everybody reads this");
    let token = jsonwebtoken::encode(&header, &issuer.claims(&json!({})), &key).unwrap();
    judge(&verifier, &token).await.unwrap_err();
}

#[tokio::test]
async fn somebody_elses_key_is_refused_whatever_it_calls_itself() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    let claims = issuer.claims(&json!({}));
    let stranger = SigningKey::new("first");
    let error = judge(&verifier, &stranger.sign(&claims)).await.unwrap_err().to_string();
    assert!(error.contains("signature is wrong"), "{error}");
    for id in ["second", "", "first\0", "../first", "' OR 1=1"] {
        let header = Header { kid: Some(id.to_owned()), ..stranger.header() };
        judge(&verifier, &stranger.sign_as(&header, &claims)).await.unwrap_err();
        // Nor does the issuer's own key under a name that it does not have.
        judge(&verifier, &issuer.key(0).sign_as(&header, &claims)).await.unwrap_err();
    }
}

#[tokio::test]
async fn two_keys_are_not_taken_for_each_other() {
    let keys = vec![SigningKey::new("first"), SigningKey::rsa("second", Algorithm::RS256)];
    let issuer = Issuer::with(keys.clone()).await;
    let verifier = ready(&issuer, times()).await;
    let claims = issuer.claims(&json!({}));
    let swapped = Header { kid: Some("second".to_owned()), ..keys[0].header() };
    judge(&verifier, &keys[0].sign_as(&swapped, &claims)).await.unwrap_err();
    let swapped = Header { kid: Some("first".to_owned()), ..keys[1].header() };
    judge(&verifier, &keys[1].sign_as(&swapped, &claims)).await.unwrap_err();
    // A key that says how it signs is not used for anything else.
    let other = Header { alg: Algorithm::RS512, ..keys[1].header() };
    judge(&verifier, &keys[1].sign_as(&other, &claims)).await.unwrap_err();
    judge(&verifier, &keys[1].sign(&claims)).await.unwrap();
    // A token that names no key has to leave no choice; here its kind of signature leaves none.
    let unnamed = Header { kid: None, ..keys[0].header() };
    judge(&verifier, &keys[0].sign_as(&unnamed, &claims)).await.unwrap();
}

#[tokio::test]
async fn a_key_for_encryption_signs_nothing() {
    let mut keys = vec![SigningKey::new("first"), SigningKey::new("enc"), SigningKey::new("ops")];
    keys[1].public["use"] = json!("enc");
    keys[2].public["key_ops"] = json!(["encrypt"]);
    let issuer = Issuer::with(keys.clone()).await;
    let verifier = ready(&issuer, times()).await;
    let claims = issuer.claims(&json!({}));
    judge(&verifier, &keys[0].sign(&claims)).await.unwrap();
    judge(&verifier, &keys[1].sign(&claims)).await.unwrap_err();
    judge(&verifier, &keys[2].sign(&claims)).await.unwrap_err();
}

#[tokio::test]
async fn a_key_that_the_token_brings_itself_counts_for_nothing() {
    let issuer = Issuer::start().await;
    let evil = Issuer::with(vec![SigningKey::new("evil")]).await;
    let verifier = ready(&issuer, times()).await;
    let claims = issuer.claims(&json!({}));
    let key = evil.key(0);
    for id in [Some("first"), Some("evil"), None] {
        let header = Header {
            kid: id.map(str::to_owned),
            jwk: Some(serde_json::from_value(key.public.clone()).unwrap()),
            jku: Some(format!("{}/jwks", evil.url())),
            x5u: Some(format!("{}/jwks", evil.url())),
            x5c: Some(vec!["MIIB".to_owned()]),
            ..key.header()
        };
        judge(&verifier, &key.sign_as(&header, &claims)).await.unwrap_err();
    }
    assert_eq!(evil.fetches(), 0, "nobody asked it");
}

#[tokio::test]
async fn what_else_the_issuer_signs_is_no_access_token() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    let key = issuer.key(0);
    let claims = issuer.claims(&json!({}));
    for (kind, accepted) in [
        (None, true),
        (Some("JWT"), true),
        (Some("at+jwt"), true),
        (Some("application/AT+JWT"), true),
        (Some("logout+jwt"), false),
        (Some("dpop+jwt"), false),
        (Some("JOSE"), false),
    ] {
        let header = Header { typ: kind.map(str::to_owned), ..key.header() };
        let judged = judge(&verifier, &key.sign_as(&header, &claims)).await;
        assert_eq!(judged.is_ok(), accepted, "{kind:?}: {judged:?}");
    }
    let header = Header { crit: Some(vec!["exp".to_owned()]), ..key.header() };
    let error = judge(&verifier, &key.sign_as(&header, &claims)).await.unwrap_err().to_string();
    assert!(error.contains("extension"), "{error}");
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    let token = issuer.token(&json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let better = base64url(issuer.claims(&json!({ "scope": "admin" })).to_string().as_bytes());
    judge(&verifier, &format!("{}.{better}.{}", parts[0], parts[2])).await.unwrap_err();
    // Every single byte counts, but for the last letter's unused bits.
    for index in 0..token.len() - 1 {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        judge(&verifier, &String::from_utf8(bytes).unwrap()).await.unwrap_err();
    }
}

#[tokio::test]
async fn garbage_and_giants_are_refused_without_a_question_to_the_issuer() {
    let issuer = Issuer::start().await;
    let verifier = ready(&issuer, times()).await;
    let giant = issuer.token(&json!({ "sub": "x".repeat(20_000) }));
    let error = judge(&verifier, &giant).await.unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
    let deep = base64url("[".repeat(5_000).as_bytes());
    let many = "a.".repeat(5_000);
    for token in ["", ".", "..", "a.b.c", "\0", "é.é.é", &many, &format!("{deep}.{deep}.{deep}")]
    {
        judge(&verifier, token).await.unwrap_err();
    }
    // A token of five parts is an encrypted one.
    judge(&verifier, "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d").await.unwrap_err();
    assert_eq!(issuer.fetches(), 1);
    issuer.be(Mood::Down);
}
