//! Every argument of every built-in tool, given what it must not be.

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::client::Served;

/// Valid arguments for each tool, so that only the one under test is wrong.
fn valid(tool: &str) -> Value {
    match tool {
        "dynamic.tool.create" => {
            json!({ "tool": { "name": "text.new", "description": "d", "code": "echo" } })
        }
        "dynamic.tool.update" => json!({ "name": "text.echo", "patch": { "title": "T" } }),
        "dynamic.tool.enable" => json!({ "name": "text.echo", "enabled": true }),
        "run_js_ephemeral" => json!({ "code": "echo" }),
        "dynamic.tool.delete"
        | "dynamic.tool.get"
        | "dynamic.tool.call"
        | "dynamic.tool.history" => {
            json!({ "name": "text.echo" })
        }
        "dynamic.tool.rollback" => json!({ "name": "text.echo", "toRevision": 1 }),
        "dynamic.tool.search" => json!({ "query": "echo" }),
        "dynamic.tool.test" => {
            json!({ "tool": { "name": "text.new", "description": "d", "code": "echo" } })
        }
        _ => json!({}),
    }
}

/// A value of a type that none of the schema's types is.
fn wrong_value(schema: &Value) -> Value {
    let mut kinds: Vec<&str> = schema["type"].as_str().into_iter().collect();
    for key in ["anyOf", "oneOf"] {
        let branches = schema[key].as_array().into_iter().flatten();
        kinds.extend(branches.filter_map(|branch| branch["type"].as_str()));
    }
    let candidates = [
        ("boolean", json!(true)),
        ("string", json!("x")),
        ("array", json!([])),
        ("integer", json!(1)),
    ];
    let wrong = candidates.into_iter().find(|(kind, _)| !kinds.contains(kind));
    wrong.map_or(Value::Null, |(_, value)| value)
}

/// Puts a wrong value in the place of each property, nested ones too.
fn wrongs(schema: &Value, base: &Value, place: &str, found: &mut Vec<(String, Value)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        let object = base.as_object().cloned().unwrap_or_default();
        let with = |value: Value| {
            let mut object = object.clone();
            object.insert(name.clone(), value);
            Value::Object(object)
        };
        if property["anyOf"].as_array().is_none_or(|any| any.len() < 6) {
            found.push((place.clone(), with(wrong_value(property))));
        }
        if property["properties"].is_object() {
            let mut inner = Vec::new();
            let base = object.get(name).cloned().unwrap_or_else(|| json!({}));
            wrongs(property, &base, &place, &mut inner);
            inner.push((format!("{place}/nonsense"), extended(&base, "nonsense", json!(1))));
            found.extend(inner.into_iter().map(|(place, value)| (place, with(value))));
        }
    }
}

fn extended(base: &Value, key: &str, value: Value) -> Value {
    let mut object: Map<String, Value> = base.as_object().cloned().unwrap_or_default();
    object.insert(key.to_owned(), value);
    Value::Object(object)
}

#[tokio::test]
async fn wrong_types_and_unknown_names_are_refused_with_the_place() {
    let mut served = Served::enterprise(TestApp::new()).await;
    served.client.create("text.echo", "echo").await;
    let listed = served.client.request("tools/list", json!({})).await;
    let mut tried = 0;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        if name == "text.echo" {
            continue;
        }
        let base = valid(name);
        let mut found = vec![("/nonsense".to_owned(), extended(&base, "nonsense", json!(1)))];
        wrongs(&tool["inputSchema"], &base, "", &mut found);
        for (place, arguments) in found {
            let refused = served.client.call(name, arguments.clone()).await;
            assert_eq!(refused["isError"], true, "{name} took {arguments}");
            let said = &refused["structuredContent"];
            // The registry itself says that a schema is not an object.
            let expected = if place.ends_with("Schema") { "invalid_tool" } else { "invalid_input" };
            assert_eq!(said["code"], expected, "{name}{place}: {said}");
            let field = place.rsplit('/').next().unwrap();
            let text = refused["content"][0]["text"].as_str().unwrap();
            assert!(text.contains(field), "{name}{place}: {text}");
            tried += 1;
        }
        // Nothing of what is required may be left out.
        for required in tool["inputSchema"]["required"].as_array().into_iter().flatten() {
            let mut arguments = base.clone();
            arguments.as_object_mut().unwrap().remove(required.as_str().unwrap());
            let refused = served.client.call(name, arguments).await;
            assert_eq!(refused["structuredContent"]["code"], "invalid_input", "{refused}");
        }
    }
    assert!(tried > 60, "only {tried} were tried");
    // The one tool is as it was.
    let got = served.client.call("dynamic.tool.get", json!({ "name": "text.echo" })).await;
    assert_eq!(got["structuredContent"]["tool"]["revision"], 1);
}

#[tokio::test]
async fn values_that_are_too_long_are_refused_with_what_is_allowed() {
    let mut served = Served::open().await;
    let long_name = "n".repeat(100_000);
    for (tool, field, value, says) in [
        ("dynamic.tool.get", "name", json!(long_name), "/name: a name has 1 to 64 characters"),
        ("dynamic.tool.call", "name", json!(long_name), "/name: a name has 1 to 64 characters"),
        ("dynamic.tool.update", "name", json!(long_name), "/name: a name has 1 to 64 characters"),
        ("dynamic.tool.enable", "name", json!(""), "/name: a name has 1 to 64 characters"),
        ("dynamic.tool.delete", "name", json!(long_name), "/name: a name has 1 to 64 characters"),
        ("dynamic.tool.get", "adminToken", json!("t".repeat(5_000)), "at most 4096 bytes"),
        ("dynamic.tool.get", "expectedRevision", json!(1), "there is no field"),
        ("dynamic.tool.delete", "expectedRevision", json!(0), "an integer of 1 or more"),
        ("run_js_ephemeral", "code", json!("c".repeat(200_001)), "1 to 200000 characters"),
        ("run_js_ephemeral", "code", json!(""), "1 to 200000 characters"),
        ("run_js_ephemeral", "timeoutMs", json!(120_001), "1000 to 120000 milliseconds"),
        ("run_js_ephemeral", "timeoutMs", json!(u64::MAX), "1000 to 120000 milliseconds"),
        ("run_js_ephemeral", "image", json!("evil"), "evil"),
        (
            "run_js_ephemeral",
            "dependencies",
            json!(vec![json!({ "name": "a", "version": "1" }); 65]),
            "65",
        ),
    ] {
        let mut arguments = valid(tool);
        arguments[field] = value;
        let refused = served.client.call(tool, arguments).await;
        let said = &refused["structuredContent"];
        assert_eq!(said["code"], "invalid_input", "{tool} {field}: {said}");
        let text = said["error"].as_str().unwrap();
        assert!(text.contains(says) && text.len() < 500, "{tool} {field}: {text}");
    }
}

#[tokio::test]
async fn misuse_of_the_protocol_is_a_json_rpc_error() {
    let mut served = Served::open().await;
    for (method, params, code, says) in [
        ("tools/call", json!({ "name": "no.such.tool" }), -32_602, "Unknown tool: 'no.such.tool'"),
        ("tools/call", json!({ "name": 5 }), -32_602, "/name: expected a string"),
        ("tools/call", json!({}), -32_602, "the field 'name' is required"),
        ("tools/call", json!({ "name": "system.health", "arguments": [] }), -32_602, "/arguments"),
        ("tools/list", json!({ "cursor": "made-up" }), -32_602, "cursor"),
        (
            "tools/list",
            json!({ "cursor": 5 }),
            -32_602,
            "/cursor: expected a string, got an integer",
        ),
        ("tools/list", json!([]), -32_602, "params must be an object"),
        ("tools/call", json!({ "name": "x", "_meta": 5 }), -32_602, "_meta must be an object"),
        ("logging/setLevel", json!({ "level": "loud" }), -32_602, "debug, info"),
        ("no/such/method", json!({}), -32_601, "no/such/method"),
        ("prompts/list", json!({}), -32_601, "prompts/list"),
        ("resources/read", json!({ "uri": "x:1" }), -32_601, "resources/read"),
    ] {
        let answer = served.client.request(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{method}: {message}");
    }
    let long = served.client.request(&"m".repeat(100_000), json!({})).await;
    assert!(long["error"]["message"].as_str().unwrap().len() < 200);
}
