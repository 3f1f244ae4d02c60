//! What the enterprise profile shows of itself: tools, resources, the prompt and its completion.

use dynamic_mcp::domain::{AccessPolicy, GuardLimits};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp};
use crate::support::client::{STATELESS, Served};

#[tokio::test]
async fn the_guard_s_numbers_are_shown() {
    let guard = GuardLimits { max_concurrency: 3, ..GuardLimits::default() };
    let mut served = Served::enterprise(TestApp::with(Setup { guard, ..Setup::default() })).await;
    let client = &mut served.client;
    client.create("text.bad", "fail tool_error no").await;
    client.call("text.bad", json!({})).await;
    let shown = client.call("system.guard_metrics", json!({})).await;
    let expected = json!({
        "activeExecutions": 0,
        "limits": { "maxConcurrency": 3, "maxCallsPerWindow": 300, "windowMs": 60_000 },
        "scopes": [
            {
                "scope": "dynamic.exec.text.bad", "total": 1, "allowed": 1, "rejectedRate": 0,
                "rejectedConcurrency": 0, "failed": 1,
            },
            {
                "scope": "dynamic.tool.create", "total": 1, "allowed": 1, "rejectedRate": 0,
                "rejectedConcurrency": 0, "failed": 0,
            },
        ],
    });
    assert_eq!(shown["structuredContent"], expected);
    let read = read(&mut served, "dynamic://metrics/guard").await;
    assert_eq!(read, expected);
}

async fn read(served: &mut Served, uri: &str) -> Value {
    let answer = served.client.request("resources/read", json!({ "uri": uri })).await;
    let content = &answer["result"]["contents"][0];
    assert_eq!((&content["uri"], &content["mimeType"]), (&json!(uri), &json!("application/json")));
    serde_json::from_str(content["text"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn resources_are_listed_and_read() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let listed = served.client.request("resources/list", json!({})).await;
    insta::assert_json_snapshot!("resources", listed["result"]);
    let templates = served.client.request("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"], json!([]));
    for method in ["resources/list", "resources/templates/list", "prompts/list"] {
        for cursor in [json!("made-up"), json!(5)] {
            let page = served.client.request(method, json!({ "cursor": cursor })).await;
            assert_eq!(page["error"]["code"], -32_602, "{method} {cursor}: {page}");
        }
    }
    let meta = read(&mut served, "dynamic://service/meta").await;
    assert_eq!((&meta["name"], &meta["profile"]), (&json!("dynamic-mcp"), &json!("enterprise")));
    let config = read(&mut served, "dynamic://service/runtime-config").await;
    let shown = served.client.call("system.runtime_config", json!({})).await;
    assert_eq!(config, shown["structuredContent"]);
    for uri in ["dynamic://nothing", "", &"u".repeat(10_000)] {
        let answer = served.client.request("resources/read", json!({ "uri": uri })).await;
        assert_eq!(answer["error"]["code"], -32_002, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("resources/list"));
        assert!(answer.to_string().len() < 1_000);
    }
}

#[tokio::test]
async fn the_revision_without_sessions_has_them_too() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    client.stateless();
    let discovered = client.request("server/discover", json!({})).await;
    let capabilities = &discovered["result"]["capabilities"];
    for capability in ["completions", "prompts", "resources", "tools"] {
        assert!(capabilities[capability].is_object(), "{capability}: {capabilities}");
    }
    let uri = json!({ "uri": "dynamic://service/meta" });
    let read = client.request("resources/read", uri).await;
    let result = &read["result"];
    assert_eq!((&result["resultType"], &result["ttlMs"]), (&json!("complete"), &json!(0)));
    for method in ["resources/list", "resources/templates/list", "prompts/list", "tools/list"] {
        let listed = client.request(method, json!({})).await;
        let result = &listed["result"];
        assert_eq!(result["resultType"], "complete", "{method}: {listed}");
        assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string(), "{method}: {listed}");
    }
    let missing = client.request("resources/read", json!({ "uri": "dynamic://no" })).await;
    assert_eq!(missing["error"]["code"], -32_602, "{STATELESS}: {missing}");
    assert_eq!(missing["error"]["data"]["uri"], "dynamic://no");
    let arguments =
        json!({ "name": "tool-call-checklist", "arguments": { "toolName": "system.health" } });
    let prompt = client.request("prompts/get", arguments).await;
    assert_eq!(prompt["result"]["resultType"], "complete", "{prompt}");
    let searched = client.call("dynamic.tool.search", json!({ "query": "x" })).await;
    assert_eq!(searched["structuredContent"]["tools"], json!([]));
}

#[tokio::test]
async fn the_prompt_knows_the_tool() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    let listed = client.request("prompts/list", json!({})).await;
    insta::assert_json_snapshot!("prompts", listed["result"]);
    let schema = json!({ "type": "object", "required": ["to", "text"] });
    let tool = json!({
        "name": "mail.send", "description": "Sends a mail.", "code": "echo", "inputSchema": schema,
    });
    client.call("dynamic.tool.create", json!({ "tool": tool })).await;
    for (tool, says) in [
        ("mail.send", "Required: to, text."),
        ("mail_send", "Sends a mail."),
        ("dynamic.tool.delete", "may change or destroy"),
        ("system_health", "destroys nothing"),
    ] {
        let params = json!({ "name": "tool-call-checklist", "arguments": { "toolName": tool } });
        let answer = client.request("prompts/get", params).await;
        let message = &answer["result"]["messages"][0];
        assert_eq!(message["role"], "user", "{answer}");
        assert!(message["content"]["text"].as_str().unwrap().contains(says), "{tool}: {message}");
    }
    for (params, says) in [
        (json!({ "name": "other" }), "there is no prompt 'other'; allowed: tool-call-checklist"),
        (json!({ "name": "tool-call-checklist" }), "'toolName' is required"),
        (json!({ "name": "tool-call-checklist", "arguments": { "toolName": 5 } }), "string"),
        (
            json!({ "name": "tool-call-checklist", "arguments": { "tool": "x" } }),
            "no argument 'tool'",
        ),
        (
            json!({ "name": "tool-call-checklist", "arguments": { "toolName": "no.such" } }),
            "there is no tool 'no.such'",
        ),
        (json!({ "name": 5 }), "/name: expected a string"),
        (json!({}), "'name' is required"),
    ] {
        let answer = client.request("prompts/get", params.clone()).await;
        assert_eq!(answer["error"]["code"], -32_602, "{params}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{params}: {message}");
    }
}

#[tokio::test]
async fn the_prompt_s_argument_is_completed() {
    let test = TestApp::with(Setup { max_tools: 200, ..Setup::default() });
    let mut served = Served::enterprise(test).await;
    let client = &mut served.client;
    for number in 0..120 {
        client.create(&format!("mail.n{number:03}"), "echo").await;
    }
    client.create("voice.mail", "echo").await;
    let complete = |typed: &str| {
        json!({
            "ref": { "type": "ref/prompt", "name": "tool-call-checklist" },
            "argument": { "name": "toolName", "value": typed },
        })
    };
    let answer = client.request("completion/complete", complete("MAIL")).await;
    let completion = &answer["result"]["completion"];
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!(completion["values"][0], "mail.n000");
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(121), &json!(true)));
    let answer = client.request("completion/complete", complete("health")).await;
    assert_eq!(answer["result"]["completion"]["values"], json!(["system.health"]));
    let answer = client.request("completion/complete", complete("zebra")).await;
    assert_eq!(answer["result"]["completion"]["values"], json!([]));
    let mut wrong_prompt = complete("x");
    wrong_prompt["ref"]["name"] = "other".into();
    let mut wrong_argument = complete("x");
    wrong_argument["argument"]["name"] = "other".into();
    let mut resource = complete("x");
    resource["ref"] = json!({ "type": "ref/resource", "uri": "x:{y}" });
    let mut untyped = complete("x");
    untyped["argument"]["value"] = 5.into();
    let mut no_reference = complete("x");
    no_reference["ref"] = "tool-call-checklist".into();
    for params in [wrong_prompt, wrong_argument, resource, untyped, no_reference, json!({})] {
        let answer = client.request("completion/complete", params.clone()).await;
        assert_eq!(answer["error"]["code"], -32_602, "{params}: {answer}");
        assert!(!answer.to_string().contains("enum"), "{answer}");
    }
}

#[tokio::test]
async fn the_mvp_profile_has_none_of_it() {
    let mut served = Served::open().await;
    let uri = json!({ "uri": "dynamic://service/meta" });
    for (method, params) in [
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", uri),
        ("resources/read", json!({ "uri": 5 })),
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "tool-call-checklist" })),
        ("completion/complete", json!({})),
    ] {
        let answer = served.client.request(method, params).await;
        assert_eq!(answer["error"]["code"], -32_601, "{method}: {answer}");
    }
    for tool in ["dynamic.tool.search", "system.runtime_config"] {
        let call = json!({ "name": tool, "arguments": {} });
        let answer = served.client.request("tools/call", call).await;
        assert_eq!(answer["error"]["code"], -32_602, "{tool}: {answer}");
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    use dynamic_mcp::app::RuntimeConfig;
    use dynamic_mcp::app::config::{Config, Origin, Values, settings};

    let mut values = Values::default();
    for setting in settings().filter(|setting| setting.secret) {
        let secret = "postgres://user:hunter2@db.example/x";
        values.offer(setting, secret, Origin::Environment(setting.name.to_owned()));
    }
    let backend = &dynamic_mcp::app::config::store::BACKEND;
    values.offer(backend, "postgres", Origin::Environment(backend.name.to_owned()));
    let config = Config::read(&values).unwrap();
    assert!(config.auth.admin_token.is_some());
    let shown = serde_json::to_value(RuntimeConfig::of(&config)).unwrap();
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert!(!shown.to_string().contains("db.example"), "{shown}");
    assert_eq!(shown["dynamic"]["adminTokenConfigured"], true);
    assert_eq!(shown["dynamic"]["postgresSchema"], "dynamic_mcp");
    let keys: Vec<_> = shown.as_object().unwrap().keys().cloned().collect();
    let documented =
        ["transports", "dynamic", "auth", "security", "sandbox", "audit", "experimental"];
    assert_eq!(keys, documented);
    assert_eq!(shown["sandbox"]["executionEngine"], "auto");
}

#[tokio::test]
async fn an_answer_that_no_client_could_take_is_an_error() {
    let test = TestApp::with(Setup { max_tools: 100, ..Setup::default() });
    let long = format!("return \"{}\"", "x".repeat(199_000));
    for number in 0..90 {
        let fields = json!({ "name": format!("large.n{number}"), "code": long });
        let draft = crate::support::app::draft(&fields);
        test.app.catalog.create(dynamic_mcp::domain::Actor::Local, draft).await.unwrap();
    }
    let mut served = Served::enterprise(test).await;
    let refused = served.client.call("dynamic.tool.list", json!({ "includeCode": true })).await;
    let said = &refused["structuredContent"];
    assert_eq!(said["code"], "output_too_large", "{said}");
    assert!(said["error"].as_str().unwrap().contains("dynamic.tool.get"), "{said}");
    let listed = served.client.call("dynamic.tool.list", json!({})).await;
    assert_eq!(listed["structuredContent"]["tools"].as_array().unwrap().len(), 90);
}

#[tokio::test]
async fn what_only_looks_needs_no_admin_token() {
    let access = AccessPolicy { admin_required: true, read_only: false };
    let setup = Setup { access, admin_token: Some("s3cret"), ..Setup::default() };
    let mut served = Served::enterprise(TestApp::with(setup)).await;
    for (tool, arguments) in [
        ("system.guard_metrics", json!({})),
        ("system.runtime_config", json!({})),
        ("dynamic.tool.search", json!({ "query": "x" })),
    ] {
        let done = served.client.call(tool, arguments).await;
        assert_eq!(done["isError"], false, "{tool}: {done}");
    }
}
