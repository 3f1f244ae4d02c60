//! The stdio transport: raw lines over pipes and socket pairs, good and bad, to the end.

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use dynamic_mcp::adapters::inbound::mcp::{McpOptions, McpServer};
use dynamic_mcp::adapters::inbound::stdio::{StdioError, adopt, serve_streams};
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use crate::support::app::TestApp;
use crate::support::client::{Client, LATEST_SESSION, PATIENCE, Served};
use crate::support::wait::until;

const MAX_LINE: usize = 16 * 1024 * 1024;

/// How long the last answers may take to leave.
const LAST_WRITES: Duration = Duration::from_secs(2);

fn is_nonblocking(fd: &OwnedFd) -> bool {
    rustix::fs::fcntl_getfl(fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK)
}

type Ended = JoinHandle<Result<(), StdioError>>;

/// A server on descriptors as a parent process would hand them down: blocking ones.
fn serve(test: &TestApp, input: &OwnedFd, output: &OwnedFd) -> Ended {
    let input = adopt(input.as_fd(), Interest::READABLE).unwrap();
    let output = adopt(output.as_fd(), Interest::WRITABLE).unwrap();
    let lifecycle = test.lifecycle.clone();
    let server = McpServer::new(test.app.clone(), McpOptions::default(), lifecycle.clone());
    tokio::spawn(async move { serve_streams(&server, &lifecycle, input, output).await })
}

#[tokio::test]
async fn pipes_are_served_and_their_flags_left_alone() {
    let test = TestApp::new();
    let (input, to_server) = rustix::pipe::pipe().unwrap();
    let (from_server, output) = rustix::pipe::pipe().unwrap();
    let ended = serve(&test, &input, &output);
    assert!(!is_nonblocking(&input) && !is_nonblocking(&output));
    drop((input, output));
    let reader = pipe::Receiver::from_owned_fd(from_server).unwrap();
    let writer = pipe::Sender::from_owned_fd(to_server).unwrap();
    exchange(Client::new(reader, writer)).await;
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn socket_pairs_are_served_and_their_flags_left_alone() {
    let test = TestApp::new();
    let (mine, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let theirs = OwnedFd::from(theirs);
    // One socket for both directions, as some parents do.
    let ended = serve(&test, &theirs, &theirs);
    assert!(!is_nonblocking(&theirs));
    drop(theirs);
    mine.set_nonblocking(true).unwrap();
    let (reader, writer) = UnixStream::from_std(mine).unwrap().into_split();
    exchange(Client::new(reader, writer)).await;
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_can_not_be_watched_is_left_to_a_thread() {
    let file = OwnedFd::from(tempfile::tempfile().unwrap());
    assert!(adopt(file.as_fd(), Interest::READABLE).is_none());
    let null = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    assert!(adopt(null.as_fd(), Interest::READABLE).is_none());
}

/// Small and large messages, then the end.
async fn exchange<R, W>(mut client: Client<R, W>)
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    client.initialize(LATEST_SESSION).await;
    client.create("text.echo", "echo").await;
    let large = "x".repeat(1_000_000);
    let result = client.call("text.echo", json!({ "args": large })).await;
    assert_eq!(result["structuredContent"]["result"].as_str().map(str::len), Some(1_000_000));
    client.hang_up();
    while client.read().await.is_some() {}
}

#[tokio::test]
async fn bad_lines_are_answered_and_the_session_goes_on() {
    let mut served = Served::new(TestApp::new());
    let client = &mut served.client;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#;
    let bad: [(&[u8], i64, Value); 9] = [
        (b"garbage", -32_700, Value::Null),
        (b"{\"jsonrpc\":\"2.0\",", -32_700, Value::Null),
        (b"\xff\xfe\xfd\x00", -32_700, Value::Null),
        (deep.as_bytes(), -32_700, json!(1)),
        (batch.as_bytes(), -32_600, Value::Null),
        (b"[]", -32_600, Value::Null),
        (b"17", -32_600, Value::Null),
        (br#"{"jsonrpc":"2.0","id":"a"}"#, -32_600, json!("a")),
        (br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32_600, Value::Null),
    ];
    // Before the handshake as well as after it.
    for _ in 0..2 {
        for (line, code, id) in &bad {
            client.send_raw(line).await;
            client.send_raw(b"\n").await;
            let answer = client.wait_for(|message| message.get("error").is_some()).await;
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), id), "{answer}");
            assert!(answer.as_object().unwrap().contains_key("id"), "{answer}");
        }
        client.send_raw(b"\n   \n\r\n").await;
        client.initialize(LATEST_SESSION).await;
        client.call("system.health", json!({})).await;
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_is_answered_and_skipped() {
    let mut served = Served::open().await;
    let client = &mut served.client;
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..20 {
        client.send_raw(&chunk).await;
    }
    let answer = client.read().await.unwrap();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32_700), &Value::Null));
    assert!(answer["error"]["message"].as_str().unwrap().contains(&MAX_LINE.to_string()));
    client.send_raw(b"\n").await;
    client.call("system.health", json!({})).await;

    // One that only just fits is served.
    let empty = json!({ "code": "return 1", "args": { "a": "" } });
    let params = json!({ "name": "run_js_ephemeral", "arguments": empty });
    let overhead = json!({ "jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params });
    let filler = "y".repeat(MAX_LINE - overhead.to_string().len());
    let arguments = json!({ "code": "return 1", "args": { "a": filler } });
    let result = client.call("run_js_ephemeral", arguments).await;
    assert_eq!(result["structuredContent"]["result"], 1);
}

#[tokio::test]
async fn messages_before_the_handshake_do_no_harm() {
    let mut served = Served::new(TestApp::new());
    let client = &mut served.client;
    client.notify("notifications/initialized", json!({})).await;
    client.notify("notifications/cancelled", json!({ "requestId": 1 })).await;
    client.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}\n").await;
    client
        .send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":1,\"message\":\"\"}}\n")
        .await;
    assert_eq!(client.request("ping", json!({})).await["result"], json!({}));
    let early = client.request("tools/list", json!({})).await;
    assert_eq!(early["error"]["code"], -32_602);
    for (params, says) in [
        (json!({ "protocolVersion": 5 }), "/protocolVersion: expected a string, got an integer"),
        (json!({}), "the field 'protocolVersion' is required"),
        (
            json!({ "protocolVersion": LATEST_SESSION, "capabilities": [], "clientInfo": {} }),
            "/capabilities: expected an object, got an array",
        ),
    ] {
        let malformed = client.request("initialize", params).await;
        assert_eq!(malformed["error"]["code"], -32_602);
        let said = malformed["error"]["message"].as_str().unwrap();
        assert_eq!(said, format!("Invalid params for initialize: {says}"));
    }
    client.initialize(LATEST_SESSION).await;
    client.call("system.health", json!({})).await;
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_is_no_error() {
    let mut served = Served::new(TestApp::new());
    served.client.hang_up();
    served.ended.await.unwrap().unwrap();
}

/// As in `printf ... | dynamic-mcp`, the last line even without its end.
#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let mut served = Served::new(TestApp::new());
    let client = &mut served.client;
    let hello = json!({
        "protocolVersion": LATEST_SESSION,
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    client.start("initialize", hello).await;
    let run = json!({ "name": "run_js_ephemeral", "arguments": { "code": "return 7" } });
    for _ in 0..50 {
        client.start("tools/call", run.clone()).await;
    }
    let last = json!({ "jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": run });
    client.send_raw(last.to_string().as_bytes()).await;
    client.hang_up();
    let mut answered = Vec::new();
    while let Some(answer) = client.read().await {
        if answer["id"] != 1 {
            assert_eq!(answer["result"]["structuredContent"]["result"], 7, "{answer}");
            answered.push(answer["id"].clone());
        }
    }
    assert_eq!(answered.len(), 51);
    assert!(answered.contains(&json!("last")));
    served.ended.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_grace_is_killed_and_answered() {
    let mut served = Served::open().await;
    let run = json!({ "name": "run_js_ephemeral", "arguments": { "code": "hang" } });
    let id = served.client.start("tools/call", run).await;
    until(async || served.test.engine.running() > 0).await;
    served.client.hang_up();
    let answer = served.client.answer(&id).await;
    assert_eq!(answer["result"]["structuredContent"]["code"], "cancelled", "{answer}");
    served.ended.await.unwrap().unwrap();
    assert_eq!(served.test.engine.running(), 0);
}

#[tokio::test]
async fn a_shutdown_lets_running_calls_end_and_takes_no_more() {
    let mut served = Served::open().await;
    let run = json!({ "name": "run_js_ephemeral", "arguments": { "code": "hang" } });
    let id = served.client.start("tools/call", run).await;
    until(async || served.test.engine.running() > 0).await;
    served.test.lifecycle.draining.cancel();
    served.client.start("tools/list", json!({})).await;
    served.test.lifecycle.stopped.cancel();
    let answer = served.client.answer(&id).await;
    assert_eq!(answer["result"]["structuredContent"]["code"], "cancelled");
    assert_eq!(served.client.read().await, None);
    served.ended.await.unwrap().unwrap();
    served.test.lifecycle.finish().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_ends_the_session_and_its_calls() {
    let test = TestApp::new();
    let (input, to_server) = rustix::pipe::pipe().unwrap();
    let (from_server, output) = rustix::pipe::pipe().unwrap();
    let ended = serve(&test, &input, &output);
    let reader = pipe::Receiver::from_owned_fd(from_server).unwrap();
    let writer = pipe::Sender::from_owned_fd(to_server).unwrap();
    let mut client = Client::new(reader, writer);
    client.initialize(LATEST_SESSION).await;
    let run = json!({ "name": "run_js_ephemeral", "arguments": { "code": "hang" } });
    client.start("tools/call", run).await;
    until(async || test.engine.running() > 0).await;
    client.start("tools/list", json!({})).await;
    // Both of the pipe's reading ends are gone.
    let mut writer = client.abandon();
    drop(output);
    writer.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":50,\"method\":\"ping\"}\n").await.unwrap();
    ended.await.unwrap().unwrap();
    assert_eq!(test.engine.running(), 0);
}

/// A client that only writes: the server must neither hoard answers nor come to a stop for good.
#[tokio::test]
async fn a_client_that_does_not_read_is_held_back() {
    let served = Served::open().await;
    let mut client = served.connect();
    client.initialize(LATEST_SESSION).await;
    let params = json!({ "_meta": { "padding": "x".repeat(4_096) } });
    let request = |id| {
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list", "params": params });
        format!("{message}\n")
    };
    let flood: String = (1_000..3_000).map(request).collect();
    let (sent, answered) = client.flood(flood.as_bytes(), 2_000).await;
    assert!(sent < flood.len(), "everything was taken in: {sent}");
    assert_eq!(answered, 2_000);
}

/// On the paused clock, which nothing but waiting moves.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_client_that_does_not_read_only_once() {
    let mut served = Served::open().await;
    let list = json!({ "jsonrpc": "2.0", "method": "tools/list" });
    let mut id = 1_000;
    loop {
        let mut request = list.clone();
        request["id"] = json!(id);
        let line = format!("{request}\n");
        let sent = served.client.send_raw(line.as_bytes());
        let sent = tokio::time::timeout(Duration::from_secs(5), sent).await;
        if sent.is_err() {
            break;
        }
        id += 1;
    }
    let began = tokio::time::Instant::now();
    served.test.lifecycle.draining.cancel();
    served.ended.await.unwrap().unwrap();
    assert!(began.elapsed() < 2 * LAST_WRITES, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_id_that_is_in_use_is_refused() {
    let mut served = Served::open().await;
    let run = json!({ "name": "run_js_ephemeral", "arguments": { "code": "hang" } });
    let id = served.client.start("tools/call", run).await;
    let again = json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    served.client.send_raw(format!("{again}\n").as_bytes()).await;
    let refused = served.client.read().await.unwrap();
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32_600), &Value::Null));
    served.client.notify("notifications/cancelled", json!({ "requestId": id })).await;
    served.client.call("system.health", json!({})).await;
}

#[tokio::test]
async fn requests_beyond_what_can_be_handled_are_refused() {
    let mut served = Served::open().await;
    served.client.stateless();
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    let mut ids = Vec::new();
    for _ in 0..5_000 {
        ids.push(served.client.start("subscriptions/listen", listen.clone()).await);
    }
    let refused = served.client.wait_for(|message| message.get("error").is_some()).await;
    assert_eq!(refused["error"]["code"], -32_000);
    assert!(refused["error"]["message"].as_str().unwrap().contains("4096"));
    // Taking one back makes room for another.
    served.client.notify("notifications/cancelled", json!({ "requestId": ids[0] })).await;
    let health = async {
        loop {
            let call = json!({ "name": "system.health", "arguments": {} });
            let answer = served.client.request("tools/call", call).await;
            if answer.get("result").is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, health).await.unwrap();
}
