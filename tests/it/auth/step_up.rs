//! A call that needs the admin scope sends its client for a token that has it (MCP, Authorization, Scope Challenge
//! Handling), and only where such a token would help.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use dynamic_mcp::adapters::inbound::http::{Access, AdminScope};
use dynamic_mcp::domain::{AccessPolicy, AuditCategory, AuditOutcome, ErrorCode, GuardLimits};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::Generous;
use crate::http::client::INITIALIZE;
use crate::mcp::over_http;
use crate::support::app::{Setup, TestApp};

const TOKEN: &str = "s3cret-admin-token";

fn setup() -> Setup {
    Setup {
        access: AccessPolicy { admin_required: true, read_only: false },
        admin_token: Some(TOKEN),
        admin_scope: Some("mcp:admin"),
        ..Setup::default()
    }
}

async fn serve(test: &TestApp) -> Router {
    let server = over_http::serve(test, |face| {
        let face = face.session();
        let admin = AdminScope {
            name: "mcp:admin".to_owned(),
            demanded: Arc::new(move |caller, tool, arguments| {
                face.demands_admin(caller, tool, arguments)
            }),
        };
        Some(Access {
            verifier: Arc::new(Generous),
            issuer: "https://issuer.example.com".to_owned(),
            required_scopes: vec!["mcp:use".to_owned()],
            admin: Some(admin),
        })
    });
    server.await.router()
}

async fn send(router: &Router, mut request: http::Request<Body>, token: &str) -> Response {
    let credential = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", credential);
    router.clone().oneshot(request).await.unwrap()
}

async fn body(response: Response) -> Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn create(name: &str, over: &Value) -> Value {
    let mut arguments = json!({ "tool": { "name": name, "description": "d", "code": "echo" } });
    arguments.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    arguments
}

async fn assert_sent_for_more(response: Response) {
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(
        challenge,
        "Bearer error=\"insufficient_scope\", error_description=\"this tool needs the admin scope\", \
         scope=\"mcp:use mcp:admin\", \
         resource_metadata=\"http://localhost/.well-known/oauth-protected-resource/mcp\""
    );
    let body = body(response).await;
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!(1), &json!(-32_002)), "{body}");
}

#[tokio::test]
async fn a_call_that_needs_the_admin_scope_says_so_before_it_is_begun() {
    let test = TestApp::with(setup());
    let router = serve(&test).await;
    for spelling in ["dynamic.tool.create", "dynamic_tool_create"] {
        let call = over_http::call(spelling, &create("text.echo", &json!({ "adminToken": null })));
        assert_sent_for_more(send(&router, call, "mcp:use").await).await;
        let events = test.audit.take();
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event.category, AuditCategory::Management);
        assert_eq!((event.action, event.outcome), ("dynamic.tool.create", AuditOutcome::Refused));
        assert_eq!(event.code, Some(ErrorCode::Unauthorized));
        assert_eq!(event.subject.as_deref(), Some("alice"));
        assert_eq!(event.tool.as_deref(), Some("text.echo"));
    }
    assert!(test.app.catalog.get("text.echo").is_err(), "nothing was made");
    let tallies = test.app.gate.tallies();
    let (_, tally) =
        tallies.iter().find(|(scope, _)| scope.as_str() == "dynamic.tool.create").unwrap();
    assert_eq!((tally.total, tally.failed), (2, 2));

    // On a session too, whose answers are streams.
    let request = |text: String| {
        http::Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Body::from(text))
            .unwrap()
    };
    let opened = send(&router, request(INITIALIZE.to_owned()), "mcp:use").await;
    let session = opened.headers()["mcp-session-id"].clone();
    let params = json!({ "name": "dynamic.tool.list", "arguments": {} });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut call = request(call.to_string());
    call.headers_mut().insert("mcp-session-id", session);
    assert_sent_for_more(send(&router, call, "mcp:use").await).await;
}

#[tokio::test]
async fn what_a_better_token_does_not_help_is_the_tools_own_to_answer() {
    let test = TestApp::with(setup());
    let router = serve(&test).await;
    let outcome = async |request, token: &str| {
        let response = send(&router, request, token).await;
        assert_eq!(response.status(), 200);
        body(response).await["result"].clone()
    };
    let wrong = create("text.echo", &json!({ "adminToken": "wrong" }));
    let refused = outcome(over_http::call("dynamic.tool.create", &wrong), "mcp:use").await;
    assert_eq!(refused["structuredContent"]["code"], "unauthorized", "{refused}");
    let right = create("text.echo", &json!({ "adminToken": TOKEN }));
    let made = outcome(over_http::call("dynamic.tool.create", &right), "mcp:use").await;
    assert_eq!(made["isError"], false, "{made}");
    for tool in ["text.echo", "system.health"] {
        let called = outcome(over_http::call(tool, &json!({})), "mcp:use").await;
        assert_eq!(called["isError"], false, "{tool}: {called}");
    }

    let guard = GuardLimits { max_concurrency: 0, ..GuardLimits::default() };
    let test = TestApp::with(Setup { guard, ..setup() });
    let router = serve(&test).await;
    let call = over_http::call("dynamic.tool.create", &create("text.echo", &json!({})));
    let refused = body(send(&router, call, "mcp:use").await).await;
    assert_eq!(refused["result"]["structuredContent"]["code"], "too_busy", "{refused}");
}

#[tokio::test]
async fn a_token_with_the_admin_scope_does() {
    let test = TestApp::with(setup());
    let router = serve(&test).await;
    let call = || over_http::call("dynamic.tool.create", &create("text.echo", &json!({})));
    // Every token needs the one, and this call the other.
    let response = send(&router, call(), "mcp:admin").await;
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("scope=\"mcp:use\""), "{challenge}");
    let made = body(send(&router, call(), "mcp:use+mcp:admin").await).await;
    assert_eq!(made["result"]["isError"], false, "{made}");
}
