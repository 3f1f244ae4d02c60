//! What HTTP makes of tokens: who is let in, what the others are told, and whose a session is.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::{Access, AdminScope, HttpOptions};
use serde_json::{Value, json};

use super::times;
use crate::http::client::{Answer, INITIALIZE, PING};
use crate::http::server::{TestServer, options, ready};
use crate::support::issuer::{Issuer, Mood, Verifier};

struct Protected {
    issuer: Issuer,
    server: TestServer,
    _verifier: Verifier,
}

impl Protected {
    async fn start() -> Self {
        Self::with(options(), &[]).await
    }

    async fn with(options: HttpOptions, required: &[&str]) -> Self {
        let issuer = Issuer::start().await;
        let verifier = issuer.verifier(times());
        let access = Access {
            verifier: Arc::clone(&verifier.jwt) as _,
            issuer: issuer.url(),
            required_scopes: required.iter().map(|scope| (*scope).to_owned()).collect(),
            admin: Some(AdminScope {
                name: "mcp:admin".to_owned(),
                demanded: Arc::new(|_, _, _| None),
            }),
        };
        let grace = Duration::from_secs(30);
        let server = TestServer::admitting(options, grace, ready(), Some(access)).await;
        Self { issuer, server, _verifier: verifier }
    }

    fn bearer(&self, over: &Value) -> String {
        format!("Authorization: Bearer {}\r\n", self.issuer.token(over))
    }

    async fn post(&self, headers: &str, body: &str) -> Answer {
        self.server.client().await.post(headers, body).await
    }

    async fn metadata(&self, path: &str, headers: &str) -> Answer {
        self.server.client().await.get("GET", path, headers).await
    }
}

fn challenge(answer: &Answer) -> &str {
    answer.head.header("www-authenticate").unwrap()
}

#[tokio::test]
async fn without_a_token_nothing_is_answered_and_it_is_said_where_to_get_one() {
    let protected = Protected::with(options(), &["mcp:use", "mcp:call"]).await;
    let metadata =
        format!("http://{}/.well-known/oauth-protected-resource/mcp", protected.server.address);
    for headers in ["", "Authorization: Basic YTpi\r\n", "Authorization: Digest x\r\n"] {
        let answer = protected.post(headers, INITIALIZE).await;
        answer.assert_refused(401, -32_001);
        let expected =
            format!("Bearer scope=\"mcp:use mcp:call\", resource_metadata=\"{metadata}\"");
        assert_eq!(challenge(&answer), expected);
    }
    for method in ["GET", "DELETE", "PUT"] {
        let answer = protected.server.client().await.get(method, "/mcp", "").await;
        answer.assert_refused(401, -32_001);
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(protected.metadata(path, "").await.head.status, 200, "{path}");
    }
    assert!(protected.server.metric("dynamic_mcp_http_auth_denied_total") >= 6.0);
    assert!(protected.server.metric("dynamic_mcp_http_auth_success_total") < 0.5);
}

#[tokio::test]
async fn a_good_token_is_let_in_however_its_scheme_is_spelled() {
    let protected = Protected::start().await;
    let token = protected.issuer.token(&json!({}));
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let answer = protected.post(&format!("Authorization: {scheme} {token}\r\n"), PING).await;
        // Let in, and then refused as a ping without a session is.
        assert_ne!(answer.head.status, 401, "{scheme}");
    }
    assert!(protected.server.metric("dynamic_mcp_http_auth_success_total") > 3.5);
}

#[tokio::test]
async fn a_bad_token_is_refused_and_not_repeated() {
    let protected = Protected::start().await;
    let good = protected.issuer.token(&json!({}));
    let expired = protected.issuer.token(&json!({ "exp": 1 }));
    for headers in [
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer \r\n".to_owned(),
        "Authorization: Bearer s3cret-token-s3cret\r\n".to_owned(),
        format!("Authorization: Bearer {good} {good}\r\n"),
        format!("Authorization: Bearer {expired}\r\n"),
        format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n"),
        format!("Authorization: Bearer {good}x\r\n"),
    ] {
        let answer = protected.post(&headers, INITIALIZE).await;
        answer.assert_refused(401, -32_001);
        let shown = format!("{:?} {}", answer.head, String::from_utf8_lossy(&answer.body));
        assert!(!shown.contains("s3cret") && !shown.contains(&good[..20]), "{shown}");
        assert!(challenge(&answer).contains("error=\"invalid_token\""), "{shown}");
    }
}

#[tokio::test]
async fn a_token_in_the_address_is_none() {
    let protected = Protected::start().await;
    let path = format!("/mcp?access_token={}", protected.issuer.token(&json!({})));
    let mut client = protected.server.client().await;
    client.send("POST", &path, "Content-Type: application/json\r\n", INITIALIZE).await;
    client.answer().await.assert_refused(401, -32_001);
}

#[tokio::test]
async fn a_token_without_a_required_scope_is_told_which() {
    let protected = Protected::with(options(), &["mcp:use", "mcp:call"]).await;
    for scope in ["", "mcp:use", "mcp:call", "mcp:use:more mcp:call", "mcp:use mcp:calls"] {
        let answer = protected.post(&protected.bearer(&json!({ "scope": scope })), PING).await;
        answer.assert_refused(403, -32_002);
        let challenge = challenge(&answer);
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"mcp:use mcp:call\""), "{challenge}");
    }
    let enough = protected.bearer(&json!({ "scope": "x mcp:call mcp:use" }));
    assert_eq!(protected.post(&enough, INITIALIZE).await.head.status, 200);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_the_callers_fault() {
    let protected = Protected::start().await;
    protected.issuer.be(Mood::Down);
    let issuer = Issuer::start().await;
    issuer.be(Mood::Down);
    let verifier = issuer.verifier(times());
    let access = Access {
        verifier: Arc::clone(&verifier.jwt) as _,
        issuer: issuer.url(),
        required_scopes: Vec::new(),
        admin: None,
    };
    let grace = Duration::from_secs(30);
    let server = TestServer::admitting(options(), grace, ready(), Some(access)).await;
    let headers = format!("Authorization: Bearer {}\r\n", issuer.token(&json!({})));
    let answer = server.client().await.post(&headers, INITIALIZE).await;
    answer.assert_refused(503, -32_000);
    assert!(answer.head.header("retry-after").is_some());
    assert!(server.metric("dynamic_mcp_http_auth_denied_total") < 0.5);
}

#[tokio::test]
async fn a_session_is_its_subjects_alone() {
    let protected = Protected::start().await;
    let alice = protected.bearer(&json!({}));
    let answer = protected.post(&alice, INITIALIZE).await;
    assert_eq!(answer.head.status, 200);
    let id = answer.head.header("mcp-session-id").unwrap();
    let session = format!("Mcp-Session-Id: {id}\r\n");
    let bob = protected.bearer(&json!({ "sub": "bob" }));
    protected.post(&format!("{bob}{session}"), PING).await.assert_refused(404, -32_001);
    for method in ["GET", "DELETE"] {
        let headers = format!("Accept: text/event-stream\r\n{bob}{session}");
        let answer = protected.server.client().await.get(method, "/mcp", &headers).await;
        answer.assert_refused(404, -32_001);
    }
    protected.post(&session, PING).await.assert_refused(401, -32_001);
    // A new token of the same subject's is as good as the first.
    let again = protected.bearer(&json!({ "jti": "another", "client_id": "other-agent" }));
    assert_eq!(protected.post(&format!("{again}{session}"), PING).await.head.status, 200);
    let headers = format!("{again}{session}");
    let answer = protected.server.client().await.get("DELETE", "/mcp", &headers).await;
    assert_eq!(answer.head.status, 204);
    protected.post(&headers, PING).await.assert_refused(404, -32_001);
}

#[tokio::test]
async fn the_metadata_say_who_has_tokens_for_this_server() {
    let protected = Protected::with(options(), &["mcp:use"]).await;
    let well_known = "/.well-known/oauth-protected-resource";
    let origin = format!("http://{}", protected.server.address);
    for path in [well_known.to_owned(), format!("{well_known}/mcp"), format!("{well_known}/mcp/")] {
        let answer = protected.metadata(&path, "").await;
        assert_eq!(answer.head.status, 200, "{path}");
        answer.head.assert_sealed();
        assert_eq!(answer.head.header("access-control-allow-origin"), Some("*"));
        let expected = json!({
            "resource": format!("{origin}/mcp"),
            "authorization_servers": [protected.issuer.url()],
            "scopes_supported": ["mcp:use", "mcp:admin"],
            "bearer_methods_supported": ["header"],
            "resource_name": "dynamic-mcp",
        });
        assert_eq!(answer.json(), expected);
    }
    for path in [format!("{well_known}/other"), format!("{well_known}/mcp/x")] {
        protected.metadata(&path, "").await.assert_refused(404, -32_000);
    }
    let open = TestServer::start().await;
    open.client().await.get("GET", well_known, "").await.assert_refused(404, -32_000);
}

#[tokio::test]
async fn the_public_url_is_the_resource() {
    for (url, resource, metadata) in [
        (
            "https://mcp.example.com",
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        ),
        (
            "https://example.com/tools/mcp?x=1#y",
            "https://example.com/tools/mcp",
            "https://example.com/.well-known/oauth-protected-resource/tools/mcp",
        ),
    ] {
        let public = HttpOptions { public_url: Some(url.parse().unwrap()), ..options() };
        let protected = Protected::with(public, &[]).await;
        let answer = protected.post("", INITIALIZE).await;
        assert_eq!(challenge(&answer), format!("Bearer resource_metadata=\"{metadata}\""));
        let path = metadata.split_once("com/").unwrap().1;
        let answer = protected.metadata(&format!("/{path}"), "").await;
        assert_eq!(answer.json()["resource"], resource);
    }
}
