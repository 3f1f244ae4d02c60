//! A mounted tool's server asks its client, and the answer comes to another replica than the one that asked.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::balanced::{Fleet, fleet};
use crate::http::client::{
    Client, INITIALIZE, INITIALIZED, mcp_headers, stateless, stateless_headers,
};
use crate::support::postgres::url;
use crate::support::replica::call;
use crate::support::wait::until;
use crate::upstreams::questions::{ASKS, FORM, asks};
use crate::upstreams::site::script;

const ADMIN: &str = "0123456789abcdef0123456789abcdef";

/// Two replicas that have this server attached, each with a program of its own.
async fn attached(mut draft: Value) -> Fleet {
    let fleet = fleet(&[
        ("MCP_PROFILE", "enterprise"),
        ("MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH", "true"),
        ("MCP_UPSTREAM_COMMANDS", "/bin/sh"),
        ("MCP_ADMIN_TOKEN", ADMIN),
    ])
    .await;
    draft["adminToken"] = ADMIN.into();
    let attached = call(fleet.replicas[0].address, "upstream.mcp.attach", draft).await;
    assert_ne!(attached["isError"], true, "{attached}");
    for replica in &fleet.replicas {
        until(async || {
            let asked = json!({ "adminToken": ADMIN });
            let listed = call(replica.address, "upstream.mcp.list", asked).await;
            listed["structuredContent"]["upstreams"][0]["connected"] == true
        })
        .await;
    }
    fleet
}

fn answer(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

/// Begins a call without a session, of a client that can be asked, with more parameters.
async fn started(address: SocketAddr, more: &str) -> Client {
    let body = stateless(1, "tools/call", &format!(r#""name":"up.work","arguments":{{}}{more}"#));
    let able = r#"clientCapabilities":{"elicitation":{"form":{}}},"progressToken":"mine""#;
    let body = body.replace(r#"clientCapabilities":{}"#, able);
    let mut client = Client::connect(address).await;
    let headers = stateless_headers("tools/call", Some("up.work"));
    client.send("POST", "/mcp", &format!("{}{headers}", mcp_headers()), &body).await;
    client
}

/// Calls, and is asked.
async fn asked(address: SocketAddr) -> Value {
    let asked = started(address, "").await.answer().await.json();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    asked["result"].clone()
}

/// What goes with the call that answers everything that was asked.
fn with_answers(asked: &Value) -> String {
    let questions = asked["inputRequests"].as_object().unwrap();
    let answers: Value = questions.keys().map(|key| (key.clone(), answer("Ann"))).collect();
    format!(r#","requestState":{},"inputResponses":{answers}"#, asked["requestState"])
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_session_needs_no_certain_replica() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = attached(asks(&folder, "elicitation/create", FORM)).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    for (there, here) in [(a, b), (b, a), (fleet.balancer.address, fleet.balancer.address)] {
        let more = with_answers(&asked(there).await);
        let done = started(here, &more).await.answer().await.json();
        assert!(text(&done).contains("name:Ann"), "{done}");
    }
    // Once answered it is over.
    let more = with_answers(&asked(a).await);
    started(a, &more).await.answer().await;
    let over = started(b, &more).await.answer().await.json();
    assert_eq!(over["result"]["structuredContent"]["code"], "invalid_input", "{over}");
    // Neither that nor an answer to what nobody asked in a session leaves anything behind.
    let nothing = r#"{"jsonrpc":"2.0","id":12345,"result":{}}"#;
    let session = session(a).await;
    assert_eq!(Client::connect(b).await.post(&session, nothing).await.head.status, 202);
    let pool = sqlx::PgPool::connect(&url()).await.unwrap();
    let sql = format!("SELECT count(*) FROM {}.mcp_mailbox", fleet.schema.name);
    until(async || {
        let left = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql.clone()));
        left.fetch_one(&pool).await.unwrap() == 0
    })
    .await;
    pool.close().await;
}

/// A server of the newest revision asks by its answer, and its own state is all that there is of the call.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_one_of_a_server_without_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let modern = r#"*'"server/discover"'*) answer '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}' ;;
    *'"tools/call"'*'"requestState":"of the call"'*|*'"requestState":"of the call"'*'"tools/call"'*)
      said=$(printf '%s' "$line" | tr -d '\\"'); text "$said" ;;
    *'"tools/call"'*) answer '{"resultType":"input_required","requestState":"of the call","inputRequests":{"who":{"method":"elicitation/create","params":@PARAMS@}}}' ;;"#;
    let fleet = attached(script("up", &folder, &modern.replace("@PARAMS@", FORM))).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    let first = asked(a).await;
    assert_eq!(first["requestState"], "of the call");
    let done = started(b, &with_answers(&first)).await.answer().await.json();
    assert!(text(&done).contains("name:Ann"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_again_is_answered_again() {
    let folder = tempfile::tempdir().unwrap();
    let again = ASKS.replacen(
        r#"*'"id":"q'*'"result"'*)"#,
        r#"*'"id":"q'*'"result"'*) if [ ! -e again ]; then : > again
          printf '{"jsonrpc":"2.0","id":"q%s","method":"@METHOD@","params":@PARAMS@}\n' "$call"; continue; fi;"#,
        1,
    );
    assert_ne!(again, ASKS);
    let again = again.replace("@METHOD@", "elicitation/create").replace("@PARAMS@", FORM);
    let fleet = attached(script("up", &folder, &again)).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    let first = asked(a).await;
    let second = started(b, &with_answers(&first)).await.answer().await.json()["result"].clone();
    assert_eq!(second["resultType"], "input_required", "{second}");
    assert_ne!(second["requestState"], first["requestState"]);
    let done = started(b, &with_answers(&second)).await.answer().await.json();
    assert!(text(&done).contains("name:Ann"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_to_where_the_client_is() {
    let folder = tempfile::tempdir().unwrap();
    let tells = r#"*'"id":"q'*'"result"'*) token=$(printf '%s' "$called" | sed -n 's/.*"progressToken":\([0-9]*\).*/\1/p')
      printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%s,"message":"%s"}}\n' "$token" 3 half
      while [ ! -e heard ]; do sleep 0.01; done; id=$call; text done ;;"#;
    let asks = ASKS.replace("call=$id", "call=$id; called=$line");
    let tells = format!("{tells}\n    {asks}");
    let tells = tells.replace("@METHOD@", "elicitation/create").replace("@PARAMS@", FORM);
    let fleet = attached(script("up", &folder, &tells)).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    let more = with_answers(&asked(a).await);
    let mut client = started(b, &more).await;
    assert_eq!(client.head().await.status, 200);
    let told = client.event().await.unwrap();
    assert_eq!(told["params"]["progressToken"], "mine", "{told}");
    assert_eq!(
        (&told["params"]["progress"], &told["params"]["message"]),
        (&json!(3.0), &json!("half"))
    );
    std::fs::write(folder.path().join("heard"), "").unwrap();
    assert_eq!(text(&client.event().await.unwrap()), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_is_told_of_where_its_call_is() {
    let folder = tempfile::tempdir().unwrap();
    let hangs = r#"*'"notifications/cancelled"'*) : > cancelled ;;
    *'"id":"q'*'"result"'*) : > answered ;;"#;
    let hangs = format!("{hangs}\n    {ASKS}");
    let hangs = hangs.replace("@METHOD@", "elicitation/create").replace("@PARAMS@", FORM);
    let fleet = attached(script("up", &folder, &hangs)).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    let is_there = |folder: &TempDir, name: &str| folder.path().join(name).try_exists().unwrap();
    let going_on = started(b, &with_answers(&asked(a).await)).await;
    until(async || is_there(&folder, "answered")).await;
    drop(going_on);
    until(async || is_there(&folder, "cancelled")).await;
}

/// Opens a session of a client that can be asked: the header that names it.
async fn session(address: SocketAddr) -> String {
    let able = INITIALIZE.replace(r#""capabilities":{}"#, r#""capabilities":{"elicitation":{}}"#);
    let opened = Client::connect(address).await.post("", &able).await;
    let header = format!("Mcp-Session-Id: {}\r\n", opened.head.header("mcp-session-id").unwrap());
    let noted = Client::connect(address).await.post(&header, INITIALIZED).await;
    assert_eq!(noted.head.status, 202);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_s_answer_finds_the_replica_that_asked() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = attached(asks(&folder, "elicitation/create", FORM)).await;
    let [a, b] = [0, 1].map(|number: usize| fleet.replicas[number].address);
    let session = session(a).await;
    // Each has a call of the session, and asks in its course.
    let mut calls = Vec::new();
    for (id, replica) in [(2, a), (3, b)] {
        let mut client = Client::connect(replica).await;
        let headers = format!("{}{session}", mcp_headers());
        client.send("POST", "/mcp", &headers, &crate::http::client::call(id, "up.work")).await;
        assert_eq!(client.head().await.status, 200);
        let question = client.event().await.unwrap();
        assert_eq!(question["method"], "elicitation/create", "{question}");
        calls.push((client, question["id"].clone()));
    }
    assert_ne!(calls[0].1, calls[1].1, "the client could not tell them apart");
    for ((_, question), (name, other)) in calls.iter().zip([("Ann", b), ("Bob", a)]) {
        let answer = json!({ "jsonrpc": "2.0", "id": question, "result": answer(name) });
        let taken = Client::connect(other).await.post(&session, &answer.to_string()).await;
        assert_eq!(taken.head.status, 202);
    }
    for ((mut client, _), name) in calls.into_iter().zip(["Ann", "Bob"]) {
        let done = client.event().await.unwrap();
        assert!(text(&done).contains(&format!("name:{name}")), "{done}");
    }
}
