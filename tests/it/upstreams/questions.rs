//! What servers with sessions ask of the client while a call runs: passed on to the client that called, and to
//! nobody else.

use std::sync::Arc;

use dynamic_mcp::app::CallContext;
use dynamic_mcp::app::host::NoSink;
use dynamic_mcp::app::upstreams::{MountedCall, Step};
use dynamic_mcp::domain::{Caller, ErrorCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::site::{Options, Site, script};
use crate::support::client::{DuplexClient, LATEST_SESSION};
use crate::support::wait::until;

/// A server that asks in every call, and answers it with what it was told.
pub(crate) const ASKS: &str = r#"*'"initialize"'*) case "$line" in *elicitation*sampling*|*sampling*elicitation*) ;; *) exit 9 ;; esac
      answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"script","version":"1"}}' ;;
    *'"tools/call"'*) call=$id
      printf '{"jsonrpc":"2.0","id":"q%s","method":"@METHOD@","params":@PARAMS@}\n' "$call" ;;
    *'"id":"q'*'"result"'*) said=$(printf '%s' "$line" | tr -d '\\"')
      id=$(printf '%s' "$line" | sed -n 's/.*"id":"q\([0-9]*\)".*/\1/p'); text "$said" ;;
    *'"id":"q'*'belongs to is over'*) ;;
    *'"id":"q'*'"error"'*) said=$(printf '%s' "$line" | tr -d '\\"')
      id=$(printf '%s' "$line" | sed -n 's/.*"id":"q\([0-9]*\)".*/\1/p'); text "$said" ;;"#;

pub(crate) const FORM: &str = r#"{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}"#;
const SAMPLE: &str =
    r#"{"messages":[{"role":"user","content":{"type":"text","text":"Hi"}}],"maxTokens":9}"#;

pub(crate) fn asks(folder: &TempDir, method: &str, params: &str) -> Value {
    script("up", folder, &ASKS.replace("@METHOD@", method).replace("@PARAMS@", params))
}

/// A site whose client can do this, with the asking server attached.
async fn site(folder: &TempDir, able: Value, method: &str, params: &str) -> Site {
    let mut site = Site::unopened(Options::default());
    site.client().initialize_able(LATEST_SESSION, able).await;
    site.attach(asks(folder, method, params)).await;
    site
}

async fn start(client: &mut DuplexClient) -> Value {
    client.start("tools/call", json!({ "name": "up.work", "arguments": {} })).await
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn elicitation_reaches_the_caller_and_its_answer_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let able = json!({ "elicitation": {} });
    let mut site = site(&folder, able, "elicitation/create", FORM).await;
    let id = start(site.client()).await;
    let asked = site.client().notification("elicitation/create").await;
    assert_eq!(asked["params"]["message"], "Who?");
    assert_eq!(asked["params"]["requestedSchema"]["properties"]["name"]["type"], "string");
    let answer = json!({ "action": "accept", "content": { "name": "Ann" } });
    site.client().reply(&asked, answer).await;
    let done = site.client().answer(&id).await;
    assert!(text(&done).contains("name:Ann") && text(&done).contains("accept"), "{done}");

    // By the other way of calling, too.
    let through = json!({ "name": "dynamic.tool.call", "arguments": { "name": "up.work" } });
    let id = site.client().start("tools/call", through).await;
    let asked = site.client().notification("elicitation/create").await;
    site.client().reply(&asked, json!({ "action": "decline" })).await;
    assert!(text(&site.client().answer(&id).await).contains("decline"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_sampling() {
    let folder = tempfile::tempdir().unwrap();
    let able = json!({ "sampling": {} });
    let mut site = site(&folder, able, "sampling/createMessage", SAMPLE).await;
    let id = start(site.client()).await;
    let asked = site.client().notification("sampling/createMessage").await;
    assert_eq!(asked["params"]["messages"][0]["content"]["text"], "Hi");
    let answer =
        json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "Ho" } });
    site.client().reply(&asked, answer).await;
    assert!(text(&site.client().answer(&id).await).contains("text:Ho"));

    // The client may refuse, in its own words.
    let id = start(site.client()).await;
    let asked = site.client().notification("sampling/createMessage").await;
    let error = json!({ "code": -1, "message": "User rejected sampling request" });
    let refusal = json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error });
    site.client().send_raw(format!("{refusal}\n").as_bytes()).await;
    assert!(text(&site.client().answer(&id).await).contains("User rejected"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_can_not_do_it_is_not_asked_and_the_server_hears_why() {
    let url = r#"{"mode":"url","message":"Go","url":"https://x.example","elicitationId":"1"}"#;
    let tools =
        r#"{"messages":[],"maxTokens":9,"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#;
    for (able, method, params) in [
        (json!({}), "elicitation/create", FORM),
        (json!({ "sampling": {} }), "elicitation/create", FORM),
        (json!({ "elicitation": {} }), "elicitation/create", url),
        (json!({ "elicitation": { "url": {} } }), "elicitation/create", FORM),
        (json!({ "elicitation": {} }), "sampling/createMessage", SAMPLE),
        (json!({ "sampling": {} }), "sampling/createMessage", tools),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut site = site(&folder, able, method, params).await;
        let id = start(site.client()).await;
        let done = site.client().answer(&id).await;
        assert!(text(&done).contains("this client can't do"), "{method} {params}: {done}");
        assert_eq!(site.client().pending(method), 0);
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_what_may_be_meant_for_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let able = json!({ "elicitation": {} });
    let mut site = site(&folder, able.clone(), "elicitation/create", FORM).await;
    let mut other = site.served.connect();
    other.initialize_able(LATEST_SESSION, able).await;
    // The first call has its question, and keeps it open.
    let first = start(site.client()).await;
    let asked = site.client().notification("elicitation/create").await;
    let second = start(&mut other).await;
    let refused = other.answer(&second).await;
    assert!(text(&refused).contains("calls of several clients"), "{refused}");
    // The same client may have as many as it likes.
    let third = start(site.client()).await;
    let again = site.client().notification("elicitation/create").await;
    site.client().reply(&asked, json!({ "action": "decline" })).await;
    site.client().reply(&again, json!({ "action": "cancel" })).await;
    assert!(text(&site.client().answer(&first).await).contains("decline"));
    assert!(text(&site.client().answer(&third).await).contains("cancel"));
    // Also what a call left behind that was given up is somebody else's.
    let left = start(site.client()).await;
    site.client().notification("elicitation/create").await;
    site.client().notify("notifications/cancelled", json!({ "requestId": left })).await;
    no_call_runs(&site).await;
    let after = start(&mut other).await;
    let refused = other.answer(&after).await;
    assert!(text(&refused).contains("calls of several clients"), "{refused}");
    assert_eq!(other.pending("elicitation/create"), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_its_client_takes_no_slot_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Options::default().setup;
    setup.guard.max_concurrency = 1;
    let mut site = Site::unopened(Options { setup, ..Options::default() });
    site.client().initialize_able(LATEST_SESSION, json!({ "elicitation": {} })).await;
    site.attach(asks(&folder, "elicitation/create", FORM)).await;
    site.create("text.hang").await;
    let id = start(site.client()).await;
    let asked = site.client().notification("elicitation/create").await;
    until(async || site.served.test.app.gate.active() == 0).await;
    // Others may be called meanwhile, and it goes on when they are done.
    let patch = json!({ "name": "text.hang", "patch": { "code": "hang" } });
    site.manage("dynamic.tool.update", patch).await;
    let hang = json!({ "name": "text.hang", "arguments": {} });
    let hanging = site.client().start("tools/call", hang).await;
    until(async || site.served.test.app.gate.active() != 0).await;
    site.client().reply(&asked, json!({ "action": "decline" })).await;
    site.client().notify("notifications/cancelled", json!({ "requestId": hanging })).await;
    assert!(text(&site.client().answer(&id).await).contains("decline"));
    no_call_runs(&site).await;
    assert_eq!(site.served.test.app.gate.active(), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_when_the_call_ends_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let able = json!({ "elicitation": {} });
    let mut site = site(&folder, able, "elicitation/create", FORM).await;
    let id = start(site.client()).await;
    let asked = site.client().notification("elicitation/create").await;
    site.client().notify("notifications/cancelled", json!({ "requestId": id })).await;
    let told = site.client().notification("notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], asked["id"]);
    assert_eq!(site.client().call("system.health", json!({})).await["isError"], false);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_what_the_server_takes_back_itself() {
    let folder = tempfile::tempdir().unwrap();
    // The first call asks, the second one takes that back, and the third one answers all of them.
    let changes_its_mind = r#"*'"tools/call"'*) calls="$calls $id"; set -- $calls
      case $# in
        1) printf '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":@PARAMS@}\n' ;;
        2) printf '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}\n' ;;
        3) for id in $calls; do text done; done ;;
      esac ;;"#;
    let mut site = Site::unopened(Options::default());
    site.client().initialize_able(LATEST_SESSION, json!({ "elicitation": {} })).await;
    site.attach(script("up", &folder, &changes_its_mind.replace("@PARAMS@", FORM))).await;
    let mut calls = vec![start(site.client()).await];
    let asked = site.client().notification("elicitation/create").await;
    calls.push(start(site.client()).await);
    let told = site.client().notification("notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], asked["id"]);
    calls.push(start(site.client()).await);
    for id in &calls {
        assert_eq!(text(&site.client().answer(id).await), "done");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_stops_asking_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let endless = r#"*'"tools/call"'*) call=$id; n=0
      printf '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":@PARAMS@}\n' ;;
    *'"id":"q"'*'"result"'*)
      printf '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":@PARAMS@}\n' ;;
    *'"id":"q"'*'"error"'*) said=$(printf '%s' "$line" | tr -d '\\"'); id=$call; text "$said" ;;"#;
    let mut site = Site::unopened(Options::default());
    site.client().initialize_able(LATEST_SESSION, json!({ "elicitation": {} })).await;
    site.attach(script("up", &folder, &endless.replace("@PARAMS@", FORM))).await;
    let id = start(site.client()).await;
    let mut asked = 0;
    let done = loop {
        let next = site.client().wait_for(|_| true).await;
        if next["method"] == "elicitation/create" {
            asked += 1;
            site.client().reply(&next, json!({ "action": "decline" })).await;
        } else if next["id"] == id {
            break next;
        }
    };
    assert!(text(&done).contains("more than 32 times"), "{done}");
    assert_eq!(asked, 32);
    site.end().await;
}

/// A site whose client has no session and can be asked by forms, with the asking server attached.
async fn without_session(folder: &TempDir) -> Site {
    let mut site = Site::unopened(Options::default());
    site.client().stateless();
    let able = json!({ "elicitation": { "form": {} } });
    site.client().meta("io.modelcontextprotocol/clientCapabilities", able);
    site.attach(asks(folder, "elicitation/create", FORM)).await;
    site
}

/// Calls, and is asked.
async fn asked(site: &mut Site) -> Value {
    let call = json!({ "name": "up.work", "arguments": {} });
    let asked = site.client().request("tools/call", call).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    asked
}

/// The call with the client's answer to everything that it was asked.
fn with_answers(asked: &Value) -> Value {
    let questions = asked["inputRequests"].as_object().unwrap();
    let answer = json!({ "action": "accept", "content": { "name": "Ann" } });
    let answers = questions.keys().map(|key| (key.clone(), answer.clone()));
    json!({
        "name": "up.work", "arguments": {}, "requestState": asked["requestState"],
        "inputResponses": answers.collect::<serde_json::Map<_, _>>(),
    })
}

async fn no_call_runs(site: &Site) {
    until(async || site.served.test.lifecycle.calls.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_session_is_asked_by_the_call_s_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = without_session(&folder).await;
    let tasks = site.served.test.lifecycle.tasks.len();
    let first = asked(&mut site).await;
    let (_, question) = first["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(question["method"], "elicitation/create", "{first}");
    assert_eq!(question["params"]["message"], "Who?", "{first}");
    let done = site.client().request("tools/call", with_answers(&first)).await;
    assert!(text(&done).contains("name:Ann"), "{done}");
    assert_eq!(site.served.test.app.gate.active(), 0);
    // Once answered it is over.
    let over = site.client().request("tools/call", with_answers(&first)).await;
    assert_eq!(over["result"]["structuredContent"]["code"], "invalid_input", "{over}");
    // No answer is an answer too.
    let mut silent = with_answers(&asked(&mut site).await);
    silent["inputResponses"] = json!({});
    let done = site.client().request("tools/call", silent).await;
    assert!(text(&done).contains("did not answer"), "{done}");
    // Nothing goes on watching over what was answered.
    until(async || site.served.test.lifecycle.tasks.len() <= tasks).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_is_that_tool_s_alone_and_ends_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = without_session(&folder).await;
    let mut other = asks(&folder, "elicitation/create", FORM);
    other["alias"] = "other".into();
    site.attach(other).await;
    let first = asked(&mut site).await;
    let mut elsewhere = with_answers(&first);
    elsewhere["name"] = "other.work".into();
    let refused = site.client().request("tools/call", elsewhere).await;
    assert_eq!(refused["result"]["structuredContent"]["code"], "invalid_input", "{refused}");
    assert!(!site.served.test.lifecycle.calls.is_empty());
    site.detach("up").await;
    no_call_runs(&site).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_does_not_hold_up_the_end_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = without_session(&folder).await;
    asked(&mut site).await;
    site.served.test.lifecycle.draining.cancel();
    no_call_runs(&site).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_is_its_own_caller_s_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = without_session(&folder).await;
    let upstreams = site.served.test.app.upstreams.clone().unwrap();
    let snapshot = site.served.test.app.catalog.snapshot();
    let tool = snapshot.mounts().find("up.work").unwrap();
    let step = async |subject: &str, call: MountedCall| {
        let caller = Caller { subject: Some(subject.into()), ..Caller::local() };
        let cancel = CancellationToken::new();
        let context = CallContext { caller, sink: Arc::new(NoSink), cancel };
        upstreams.call_in_steps(context, tool, call).await
    };
    let able = json!({ "elicitation": {} }).as_object().cloned();
    let first = MountedCall { capabilities: able.clone(), ..MountedCall::default() };
    let Step::Asks { questions, state, .. } = step("ann", first).await.unwrap() else {
        panic!("it does not ask")
    };
    let answers = questions.keys().map(|key| (key.clone(), json!({ "action": "decline" })));
    let again = MountedCall {
        capabilities: able,
        answers: Some(answers.collect()),
        state: Some(state),
        ..MountedCall::default()
    };
    let refused = step("bob", again.clone()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidInput, "{refused}");
    assert!(matches!(step("ann", again).await.unwrap(), Step::Done(_)));
    site.end().await;
}
