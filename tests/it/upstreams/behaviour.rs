//! The use cases and the face, on a fake: names, rights, limits, restarts, replicas, and questions to the client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::domain::AccessPolicy;
use serde_json::{Value, json};

use super::fake::FakeClient;
use super::site::{Options, Site};
use crate::support::app::Setup;
use crate::support::client::LATEST_SESSION;
use crate::support::wait::until;

fn web(alias: &str) -> Value {
    let headers = json!({ "Authorization": "Bearer hush-hush" });
    json!({ "alias": alias, "transport": "http", "url": "https://x.example/mcp?key=hush-hush", "headers": headers })
}

async fn site(fake: &Arc<FakeClient>) -> Site {
    Site::with(Options { client: Some(fake.clone()), ..Options::default() }).await
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn only_administrators_attach_detach_and_list() {
    let fake = FakeClient::new(&["echo"]);
    let mut site = site(&fake).await;
    for (tool, arguments) in [
        ("upstream.mcp.attach", web("up")),
        ("upstream.mcp.detach", json!({ "alias": "up" })),
        ("upstream.mcp.list", json!({})),
    ] {
        let refused = site.client().call(tool, arguments).await;
        assert_eq!(refused["structuredContent"]["code"], "unauthorized", "{tool}: {refused}");
    }
    assert_eq!(fake.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn where_nobody_can_prove_to_be_one_nobody_may() {
    let fake = FakeClient::new(&["echo"]);
    let setup = Setup { access: AccessPolicy::default(), admin_token: None, ..Setup::default() };
    let options = Options { client: Some(fake), setup, ..Options::default() };
    let mut site = Site::with(options).await;
    let refused = site.refused(web("up")).await;
    assert_eq!(refused["code"], "unauthorized");
    assert!(refused["error"].as_str().unwrap().contains("MCP_ADMIN_TOKEN"), "{refused}");
}

#[tokio::test]
async fn a_read_only_server_attaches_nothing() {
    let access = AccessPolicy { read_only: true, admin_required: true };
    let setup = Setup { access, admin_token: Some(super::site::TOKEN), ..Setup::default() };
    let client = FakeClient::new(&["echo"]);
    let mut site = Site::with(Options { client: Some(client), setup, ..Options::default() }).await;
    assert_eq!(site.refused(web("up")).await["code"], "read_only");
    assert_eq!(site.listed("up").await, Value::Null);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let mut site = site(&FakeClient::new(&["echo"])).await;
    let attached = site.attach(web("up")).await;
    let listed = site.listed("up").await;
    for shown in [&attached, &listed] {
        assert_eq!(shown["secrets"], json!(["Authorization"]));
        assert_eq!(shown["target"], "https://x.example/mcp");
        assert!(!shown.to_string().contains("hush"), "{shown}");
    }
}

#[tokio::test]
async fn an_alias_and_names_keep_out_of_each_others_way() {
    let mut site = site(&FakeClient::new(&["echo"])).await;
    site.create("text.echo").await;
    site.create("other_thing").await;
    for alias in ["text", "other"] {
        let refused = site.refused(web(alias)).await;
        assert_eq!(refused["code"], "already_exists", "{refused}");
    }
    site.attach(web("up")).await;
    assert_eq!(site.refused(web("up")).await["code"], "already_exists");
    assert_eq!(site.refused(web("up_2")).await["code"], "already_exists");
    assert_eq!(site.refused(web("system")).await["code"], "invalid_input");
    for name in ["up.mine", "up_mine", "up:echo"] {
        let tool = json!({ "name": name, "description": "A tool.", "code": "echo" });
        let refused = site.manage("dynamic.tool.create", json!({ "tool": tool })).await;
        assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    }
    site.create("upper.case").await;
    site.detach("up").await;
    site.create("up.mine").await;
}

#[tokio::test]
async fn names_that_clients_refuse_are_refused_when_attaching() {
    let long = "x".repeat(62);
    let mut site = site(&FakeClient::new(&["echo", &long])).await;
    let refused = site.refused(web("up")).await;
    assert_eq!(refused["code"], "invalid_input");
    assert!(refused["error"].as_str().unwrap().contains("64 characters"), "{refused}");
    assert_eq!(site.listed("up").await, Value::Null);
    // The alias is free again.
    site.create("up.mine").await;
}

#[tokio::test]
async fn a_name_that_comes_later_is_left_out_and_shown_to_be() {
    let fake = FakeClient::new(&["echo"]);
    let mut site = site(&fake).await;
    site.attach(web("up")).await;
    let long = "x".repeat(62);
    fake.offer(&["echo", "more", &long]);
    site.until_listed("up.more", true).await;
    let listed = site.listed("up").await;
    assert_eq!(listed["toolNames"], json!(["up.echo", "up.more"]));
    assert_eq!(listed["leftOut"][0]["name"], long);
    fake.offer(&["echo"]);
    site.until_listed("up.more", false).await;
}

#[tokio::test]
async fn tools_that_came_from_here_are_not_shown_again() {
    let fake = FakeClient::new(&["echo"]);
    let mut site = site(&fake).await;
    site.attach(web("up")).await;
    let listed = site.client().request("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let shown = tools.into_iter().find(|tool| tool["name"] == "up.echo").unwrap();
    fake.came_through(json!(["somebody else"]));
    site.until_listed("up.echo", true).await;
    fake.came_through(shown["_meta"]["dynamic-mcp/via"].clone());
    site.until_listed("up.echo", false).await;
    assert_eq!(site.listed("up").await["leftOut"][0]["name"], "echo");
}

#[tokio::test]
async fn strict_clients_see_and_call_the_other_spelling() {
    let fake = FakeClient::new(&["deep.er", "echo"]);
    let mut site = site(&fake).await;
    site.attach(web("up")).await;
    let mut strict = site.served.connect().named("claude-ai");
    strict.initialize(LATEST_SESSION).await;
    let names = strict.names().await;
    assert!(names.contains(&"up_deep_er".to_owned()) && names.contains(&"up_echo".to_owned()));
    assert_eq!(text(&strict.call("up_deep_er", json!({})).await), "deep.er");
    assert_eq!(text(&strict.call("up.echo", json!({ "n": 1 })).await), r#"{"n":1}"#);
}

#[tokio::test]
async fn a_search_finds_mounted_tools_among_the_others() {
    let fake = FakeClient::new(&["pdf_to_text", "echo"]);
    let mut site = site(&fake).await;
    site.create("pdf.count").await;
    site.attach(web("up")).await;
    let find = async |site: &mut Site, query: &str| {
        let found = site.client().call("dynamic.tool.search", json!({ "query": query })).await;
        let tools = found["structuredContent"]["tools"].as_array().unwrap().clone();
        tools.into_iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut both = find(&mut site, "pdf").await;
    both.sort();
    assert_eq!(both, ["pdf.count", "up.pdf_to_text"]);
    assert_eq!(find(&mut site, "pdf text").await[0], "up.pdf_to_text");
    let query = json!({ "query": "tools of the fake", "limit": 1 });
    let found = site.client().call("dynamic.tool.search", query).await;
    let first = &found["structuredContent"]["tools"][0];
    assert_eq!(first["inputSchema"]["properties"]["n"]["type"], "integer", "{first}");
    assert_eq!(first["description"], "A tool of the fake.");
    // Every change is followed.
    fake.offer(&["image_resize"]);
    site.until_listed("up.image_resize", true).await;
    assert_eq!(find(&mut site, "pdf").await, ["pdf.count"]);
    assert_eq!(find(&mut site, "resize").await, ["up.image_resize"]);
    site.detach("up").await;
    assert!(find(&mut site, "resize").await.is_empty());
}

#[tokio::test]
async fn the_limit_and_replacing() {
    let fake = FakeClient::new(&["echo"]);
    let options = Options { client: Some(fake.clone()), max: 2, ..Options::default() };
    let mut site = Site::with(options).await;
    site.attach(web("a")).await;
    site.attach(web("b")).await;
    assert_eq!(site.refused(web("c")).await["code"], "limit_reached");
    let mut again = web("a");
    again["replace"] = true.into();
    again["timeoutMs"] = 5_000.into();
    assert_eq!(site.attach(again).await["timeoutMs"], 5_000);
    until(async || fake.open.load(Ordering::SeqCst) == 2).await;
    assert_eq!(text(&site.client().call("a.echo", json!({ "n": 2 })).await), r#"{"n":2}"#);
    for nobody in ["c", "no alias"] {
        assert_eq!(site.detach(nobody).await["code"], "not_found");
    }
}

#[tokio::test]
async fn the_guard_and_the_arguments_are_as_for_any_tool() {
    let fake = FakeClient::new(&["echo", "hang"]);
    let mut setup = Options::default().setup;
    setup.guard.max_concurrency = 1;
    let options = Options { client: Some(fake.clone()), setup, ..Options::default() };
    let mut site = Site::with(options).await;
    site.attach(web("up")).await;
    let wrong = site.client().call("up.echo", json!({ "n": "x" })).await;
    assert_eq!(wrong["structuredContent"]["code"], "invalid_input", "{wrong}");
    assert!(fake.calls.lock().unwrap().is_empty());
    let id = site.client().start("tools/call", json!({ "name": "up.hang", "arguments": {} })).await;
    until(async || site.served.test.app.gate.active() != 0).await;
    let busy = site.client().call("up.echo", json!({ "n": 1 })).await;
    assert_eq!(busy["structuredContent"]["code"], "too_busy", "{busy}");
    site.client().notify("notifications/cancelled", json!({ "requestId": id })).await;
    until(async || site.served.test.app.gate.active() == 0).await;
    let tallies = site.served.test.app.gate.tallies();
    let of = |name: &str| tallies.iter().find(|(scope, _)| scope.as_str() == name).unwrap().1;
    let echo = of("dynamic.exec.up.echo");
    assert_eq!((echo.total, echo.failed, echo.rejected_concurrency), (2, 1, 1));
    assert_eq!(of("dynamic.exec.up.hang").failed, 1);
}

#[tokio::test]
async fn a_restart_brings_everything_back_when_the_server_can_be_reached_again() {
    let store = Arc::new(MemoryAttachments::new());
    let fake = FakeClient::new(&["echo"]);
    let options =
        || Options { store: store.clone(), client: Some(fake.clone()), ..Options::default() };
    let mut before = Site::with(options()).await;
    before.attach(web("up")).await;
    before.end().await;
    assert_eq!(fake.open.load(Ordering::SeqCst), 0);

    fake.down.store(true, Ordering::SeqCst);
    let mut after = Site::with(options()).await;
    let is_down = |why: &str| why.contains("down");
    until(async || after.listed("up").await["problem"].as_str().is_some_and(is_down)).await;
    assert!(!after.client().names().await.contains(&"up.echo".to_owned()));
    fake.down.store(false, Ordering::SeqCst);
    after.until_listed("up.echo", true).await;
    assert_eq!(text(&after.client().call("up.echo", json!({ "n": 3 })).await), r#"{"n":3}"#);
}

#[tokio::test]
async fn two_servers_on_one_store_see_each_others_attachments() {
    let store = Arc::new(MemoryAttachments::new());
    let fake = FakeClient::new(&["echo"]);
    let options =
        || Options { store: store.clone(), client: Some(fake.clone()), ..Options::default() };
    let (mut one, mut two) = (Site::with(options()).await, Site::with(options()).await);
    one.attach(web("up")).await;
    two.until_listed("up.echo", true).await;
    two.client().notification("notifications/tools/list_changed").await;
    assert_eq!(text(&two.client().call("up.echo", json!({ "n": 4 })).await), r#"{"n":4}"#);
    assert_eq!(two.detach("up").await["detached"], true);
    one.until_listed("up.echo", false).await;
    until(async || fake.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_servers_that_attach_under_one_alias_at_once_one_does() {
    let store = Arc::new(MemoryAttachments::new());
    let fake = FakeClient::new(&["echo"]);
    let options =
        || Options { store: store.clone(), client: Some(fake.clone()), ..Options::default() };
    let mut sites = Vec::new();
    for _ in 0..4 {
        sites.push(Site::with(options()).await);
    }
    let attaching = sites.iter_mut().map(|site| site.manage("upstream.mcp.attach", web("up")));
    let done = futures_util::future::join_all(attaching).await;
    let (won, lost): (Vec<_>, Vec<_>) = done.iter().partition(|one| one["isError"] == false);
    assert_eq!(won.len(), 1, "{done:?}");
    for one in lost {
        assert_eq!(one["structuredContent"]["code"], "already_exists", "{one}");
    }
    let mine = json!({ "tool": { "name": "up.mine", "description": "A tool.", "code": "echo" } });
    for site in &mut sites {
        site.until_listed("up.echo", true).await;
        // The alias is held where the attempt was lost, too.
        let refused = site.manage("dynamic.tool.create", mine.clone()).await;
        assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
        assert_eq!(text(&site.client().call("up.echo", json!({ "n": 1 })).await), r#"{"n":1}"#);
    }
    // What lost is closed again: one connection for each server.
    until(async || fake.open.load(Ordering::SeqCst) == sites.len()).await;
}

#[tokio::test]
async fn a_question_reaches_a_client_of_the_newest_revision_as_it_is() {
    let fake = FakeClient::new(&["ask"]);
    let mut site = Site::unopened(Options { client: Some(fake.clone()), ..Options::default() });
    site.client().stateless();
    let can = json!({ "elicitation": {} });
    site.client().meta("io.modelcontextprotocol/clientCapabilities", can.clone());
    site.attach(web("up")).await;
    let call = json!({ "name": "up.ask", "arguments": {} });
    let asked = site.client().request("tools/call", call.clone()).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert_eq!(asked["inputRequests"]["who"]["params"]["message"], "Who?");
    assert_eq!(asked["requestState"], "sealed");
    let capabilities = fake.calls.lock().unwrap()[0].capabilities.clone().unwrap();
    assert_eq!(Value::Object(capabilities), can);
    let mut again = call;
    let answer = json!({ "action": "accept", "content": { "name": "Ann" } });
    again["inputResponses"] = json!({ "who": answer });
    again["requestState"] = "sealed".into();
    let done = site.client().request("tools/call", again).await["result"].clone();
    assert!(text(&done).contains("Ann"), "{done}");
    let indirect = json!({ "name": "up.ask" });
    let refused = site.client().call("dynamic.tool.call", indirect).await;
    assert!(text(&refused).contains("by its own name"), "{refused}");
}

#[tokio::test]
async fn a_client_with_a_session_is_asked_in_its_own_way() {
    let fake = FakeClient::new(&["ask"]);
    let mut site = Site::unopened(Options { client: Some(fake), ..Options::default() });
    site.client().initialize_able(LATEST_SESSION, json!({ "elicitation": {} })).await;
    site.attach(web("up")).await;
    let id = site.client().start("tools/call", json!({ "name": "up.ask", "arguments": {} })).await;
    let asked = site.client().wait_for(|message| message["method"] == "elicitation/create").await;
    assert_eq!(asked["params"]["message"], "Who?");
    let result = json!({ "action": "accept", "content": { "name": "Bob" } });
    site.client().reply(&asked, result).await;
    let done = site.client().answer(&id).await["result"].clone();
    assert!(text(&done).contains("Bob"), "{done}");
}

#[tokio::test]
async fn a_client_that_can_not_be_asked_gets_a_reason() {
    let mut site = site(&FakeClient::new(&["ask"])).await;
    site.attach(web("up")).await;
    let refused = site.client().call("up.ask", json!({})).await;
    assert_eq!(refused["isError"], true);
    assert!(text(&refused).contains("this client can't do"), "{refused}");
}
