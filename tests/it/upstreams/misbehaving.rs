//! Servers that hang, flood, lie and die. None of them may hang anything here.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::ports::AttachmentStore as _;
use serde_json::{Value, json};

use super::site::{Options, Site, script};
use crate::support::attachments::attachment;
use crate::support::wait::until;

/// Attaches a script, and calls its tool.
async fn call(site: &mut Site, mut draft: Value, timeout_ms: u64) -> Value {
    draft["timeoutMs"] = timeout_ms.into();
    let alias = draft["alias"].as_str().unwrap().to_owned();
    site.attach(draft).await;
    site.client().call(&format!("{alias}.work"), json!({})).await
}

async fn work(site: &mut Site) -> Value {
    site.client().call("bad.work", json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_answers_is_not_attached() {
    let connect_timeout = Duration::from_secs(2);
    let mut site = Site::with(Options { connect_timeout, ..Options::default() }).await;
    let hangs =
        json!({ "alias": "bad", "transport": "stdio", "command": "/bin/sleep", "args": ["1000"] });
    let refused = site.refused(hangs).await;
    assert_eq!(refused["code"], "timeout", "{refused}");
    assert_eq!(site.listed("bad").await, Value::Null);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_never_answered_ends_in_time_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let draft = script(
        "bad",
        &folder,
        r#"*'"tools/call"'*) if [ -e asked ]; then text done; else touch asked; fi ;;"#,
    );
    let ended = call(&mut site, draft, 1_000).await;
    assert_eq!(ended["structuredContent"]["code"], "timeout", "{ended}");
    assert_eq!(work(&mut site).await["content"][0]["text"], "done");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_list_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let always_new =
        r#"*'"tools/list"'*) n=$((n+1)); answer "{\"tools\":[],\"nextCursor\":\"$n\"}" ;;"#;
    let refused = site.refused(script("bad", &folder, always_new)).await;
    assert_eq!(refused["code"], "output_too_large", "{refused}");
    let in_a_circle = r#"*'"tools/list"'*) answer '{"tools":[],"nextCursor":"same"}' ;;"#;
    let refused = site.refused(script("bad", &folder, in_a_circle)).await;
    assert_eq!(refused["code"], "invalid_output", "{refused}");
    let too_many = r#"*'"tools/list"'*) all=$(tool t0); i=1
      while [ $i -le 1000 ]; do all="$all,{\"name\":\"t$i\",\"inputSchema\":{\"type\":\"object\"}}"; i=$((i+1)); done
      answer "{\"tools\":[$all]}" ;;"#;
    let refused = site.refused(script("bad", &folder, too_many)).await;
    assert_eq!(refused["code"], "output_too_large", "{refused}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_says_more_of_itself_than_anybody_would_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    for (part, around) in [
        ("description", r#""description":"$big","inputSchema":{"type":"object"}"#),
        ("schema", r#""inputSchema":{"type":"object","description":"$big"}"#),
        ("meta", r#""inputSchema":{"type":"object"},"_meta":{"x":"$big"}"#),
    ] {
        let on = format!(
            "*'\"tools/list\"'*) big=$(head -c 300000 /dev/zero | tr '\\0' x)\n answer \"{}\" ;;",
            format!(r#"{{"tools":[{{"name":"work",{around}}}]}}"#).replace('"', "\\\""),
        );
        let refused = site.refused(script("bad", &folder, &on)).await;
        assert_eq!(refused["code"], "invalid_input", "{part}: {refused}");
        assert!(refused["error"].as_str().unwrap().contains("256 KiB"), "{part}: {refused}");
        assert!(refused.to_string().len() < 2_000);
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_turns_in_circles_does_not() {
    let folder = tempfile::tempdir().unwrap();
    for (at, schema) in [
        r##"{"type":"object","$ref":"#"}"##,
        r##"{"type":"object","$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
        r##"{"type":"object","allOf":[{"$ref":"#"},{"$ref":"#"}],"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##,
        r#"{"type":"object","properties":{"x":{"pattern":"(((((a+)+)+)+)+)+$"}}}"#,
        r#"{"type":"object","$ref":"https://elsewhere.example/schema"}"#,
        r#"{"type":7}"#,
    ]
    .iter()
    .enumerate()
    {
        let mut site = Site::open().await;
        let on = format!(
            "*'\"tools/list\"'*) answer '{{\"tools\":[{{\"name\":\"work\",\"inputSchema\":{schema}}}]}}' ;;"
        );
        let draft = script(&format!("bad{at}"), &folder, &on);
        site.attach(draft).await;
        let arguments = json!({ "x": "a".repeat(60) + "!" });
        let called = site.client().call(&format!("bad{at}.work"), arguments).await;
        // Passed on, or refused here: but answered.
        let refused = called["structuredContent"]["code"] == "invalid_input";
        assert!(refused || called["content"][0]["text"] == "done", "{schema}: {called}");
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_result_is_refused_and_the_next_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let huge = r#"*'"tools/call"'*) if [ -e asked ]; then text done; else touch asked
      text "$(head -c 3000000 /dev/zero | tr '\0' x)"; fi ;;"#;
    let ended = call(&mut site, script("bad", &folder, huge), 60_000).await;
    assert_eq!(ended["structuredContent"]["code"], "output_too_large", "{ended}");
    assert!(ended.to_string().len() < 2_000);
    assert_eq!(work(&mut site).await["content"][0]["text"], "done");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_dies_in_a_call_fails_it_and_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let dies =
        r#"*'"tools/call"'*) if [ -e asked ]; then text done; else touch asked; exit 3; fi ;;"#;
    let ended = call(&mut site, script("bad", &folder, dies), 60_000).await;
    assert_eq!(ended["structuredContent"]["code"], "engine_unavailable", "{ended}");
    assert_eq!(ended["structuredContent"]["retryable"], true);
    // It stays listed meanwhile: a list that comes and goes is worse than a call that fails.
    assert!(site.client().names().await.contains(&"bad.work".to_owned()));
    until(async || {
        let again = work(&mut site).await;
        let failed = again["isError"] == true;
        if failed {
            assert_eq!(again["structuredContent"]["code"], "engine_unavailable", "{again}");
        } else {
            assert_eq!(again["content"][0]["text"], "done");
        }
        !failed
    })
    .await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn detaching_ends_the_calls_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    site.attach(script("bad", &folder, r#"*'"tools/call"'*) touch asked ;;"#)).await;
    let id =
        site.client().start("tools/call", json!({ "name": "bad.work", "arguments": {} })).await;
    until(async || folder.path().join("asked").exists()).await;
    assert_eq!(site.detach("bad").await["detached"], true);
    let ended = site.client().answer(&id).await["result"].clone();
    assert_eq!(ended["structuredContent"]["code"], "engine_unavailable", "{ended}");
    assert_eq!(site.served.test.app.gate.active(), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_between_messages_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let garbage = r#"*'"tools/call"'*) echo 'not JSON'; echo '{"half":'; echo '[]'; echo '{"jsonrpc":"2.0"}'
      head -c 100000 /dev/urandom | tr '\n' x; echo; echo '{"jsonrpc":"2.0","id":99999,"result":{}}'; text done ;;"#;
    let called = call(&mut site, script("bad", &folder, garbage), 60_000).await;
    assert_eq!(called["content"][0]["text"], "done", "{called}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_result_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    for (at, answer) in ["{}", "[1]", r#"{"content":"text"}"#, r#"{"tools":[]}"#].iter().enumerate()
    {
        let mut site = Site::open().await;
        let on = format!("*'\"tools/call\"'*) answer '{answer}' ;;");
        let ended = call(&mut site, script(&format!("bad{at}"), &folder, &on), 2_000).await;
        assert_eq!(ended["isError"], true, "{answer}: {ended}");
        let code = ended["structuredContent"]["code"].as_str().unwrap();
        // What can't be read as an answer at all is none.
        assert!(["invalid_output", "timeout"].contains(&code), "{answer}: {ended}");
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_refusal_is_passed_on_without_our_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let refuses = r#"*'"tools/call"'*) fail -32050 "no such thing for $TOKEN" ;;"#;
    let mut draft = script("bad", &folder, refuses);
    draft["env"] = json!({ "TOKEN": "hush-hush" });
    let ended = call(&mut site, draft, 60_000).await;
    assert_eq!(ended["structuredContent"]["code"], "tool_error", "{ended}");
    assert_eq!(ended["structuredContent"]["details"]["upstreamCode"], -32050);
    let text = ended["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("no such thing for ***"), "{text}");
    assert!(!site.listed("bad").await.to_string().contains("hush-hush"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_tells_of_changes_all_the_time_is_used_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let floods = r#"*'"notifications/initialized"'*) i=0; while [ $i -lt 3000 ]; do
      echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'; i=$((i+1)); done ;;"#;
    let called = call(&mut site, script("bad", &folder, floods), 60_000).await;
    assert_eq!(called["content"][0]["text"], "done", "{called}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_tells_of_progress_and_logs_without_end_is_used_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::open().await;
    let floods = r#"*'"tools/call"'*) token=$(printf '%s' "$line" | sed -n 's/.*"progressToken":\([0-9]*\).*/\1/p'); i=0
      while [ $i -lt 5000 ]; do i=$((i+1))
      printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%s}}\n' "$token" $i
      printf '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"%s"}}\n' $i
      done; text done ;;"#;
    site.client().meta("progressToken", "mine".into());
    let called = call(&mut site, script("bad", &folder, floods), 60_000).await;
    assert_eq!(called["content"][0]["text"], "done", "{called}");
    assert!(site.client().pending("notifications/progress") > 0);
    assert_eq!(site.client().pending("notifications/message"), 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_none_or_ends_at_once_is_said_to_be() {
    let mut site = Site::open().await;
    let none = json!({ "alias": "bad", "transport": "stdio", "command": "/nowhere/at/all" });
    let refused = site.refused(none).await;
    assert_eq!(refused["code"], "engine_unavailable");
    assert!(refused["error"].as_str().unwrap().contains("can't be started"), "{refused}");
    let ends = json!({ "alias": "bad", "transport": "stdio", "command": "/bin/sh", "args": ["-c", "exit 7"] });
    let refused = site.refused(ends).await;
    assert!(refused["error"].as_str().unwrap().contains("exit status: 7"), "{refused}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_hold_up_the_start_or_the_end() {
    let store = Arc::new(MemoryAttachments::new());
    let hangs =
        json!({ "alias": "bad", "transport": "stdio", "command": "/bin/sleep", "args": ["1000"] });
    store.insert(&attachment("1", hangs), 9, None).await.unwrap();
    let mut site = Site::with(Options { store, ..Options::default() }).await;
    site.create("our.own").await;
    assert!(site.client().names().await.contains(&"our.own".to_owned()));
    until(async || site.listed("bad").await["connected"] == false).await;
    assert!(site.listed("bad").await["problem"].is_string());
    site.end().await;
}
