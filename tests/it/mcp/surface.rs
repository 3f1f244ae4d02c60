//! What clients see of the built-in tools, as a reviewable snapshot.

use std::sync::Arc;

use dynamic_mcp::adapters::inbound::mcp::McpOptions;
use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::app::config::NameStyle;
use dynamic_mcp::domain::Profile;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{LATEST_SESSION, Served};
use crate::support::upstreams::{Nobody, attaching};

async fn tools(profile: Profile, name_style: NameStyle) -> Value {
    let options = McpOptions { profile, name_style };
    let kept = Arc::new(MemoryAttachments::new());
    let test = attaching(TestApp::new(), Arc::new(Nobody), kept, 8);
    let mut served = Served::with(test, options);
    served.client.initialize(LATEST_SESSION).await;
    served.client.request("tools/list", json!({})).await["result"].clone()
}

#[tokio::test]
async fn mvp() {
    insta::assert_json_snapshot!(tools(Profile::Mvp, NameStyle::Auto).await);
}

/// All of mvp first, in its order, and then its own.
#[tokio::test]
async fn enterprise() {
    let mvp = tools(Profile::Mvp, NameStyle::Auto).await;
    let enterprise = tools(Profile::Enterprise, NameStyle::Auto).await;
    let enterprise = enterprise["tools"].as_array().unwrap();
    let (shared, own) = enterprise.split_at(mvp["tools"].as_array().unwrap().len());
    assert_eq!(mvp["tools"], json!(shared));
    insta::assert_json_snapshot!(own);
}

#[tokio::test]
async fn texts_use_the_spelling_that_is_shown() {
    let listed = tools(Profile::Enterprise, NameStyle::Underscore).await;
    for tool in listed["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name}");
        let about = tool["description"].as_str().unwrap();
        assert!(!about.contains("dynamic.tool"), "{about}");
    }
}

/// Every schema says something about every value, in words that strict clients read.
#[tokio::test]
async fn every_property_has_a_type_and_a_description() {
    let listed = tools(Profile::Enterprise, NameStyle::Auto).await;
    for tool in listed["tools"].as_array().unwrap() {
        assert!(tool["title"].is_string() && tool["description"].is_string(), "{tool}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
        for schema in ["inputSchema", "outputSchema"] {
            let schema = &tool[schema];
            assert_eq!(schema["type"], "object", "{tool}");
            assert!(schema["properties"].is_object(), "{tool}");
            check(schema, &tool["name"]);
        }
    }
}

fn check(schema: &Value, place: &Value) {
    assert!(
        schema["type"].is_string() || schema["anyOf"].is_array() || schema["oneOf"].is_array(),
        "{place}: untyped: {schema}"
    );
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = json!(format!("{}/{name}", place.as_str().unwrap()));
        assert!(property["description"].is_string(), "{place}: no description");
        check(property, &place);
    }
    if schema["items"].is_object() {
        check(&schema["items"], place);
    }
}

#[tokio::test]
async fn the_server_introduces_itself() {
    let mut served = Served::new(TestApp::new());
    let hello = served.client.initialize(LATEST_SESSION).await;
    assert_eq!(hello["protocolVersion"], LATEST_SESSION);
    assert_eq!(hello["serverInfo"]["name"], "dynamic-mcp");
    assert_eq!(hello["capabilities"], json!({ "tools": { "listChanged": true }, "logging": {} }));
    assert!(hello["instructions"].as_str().unwrap().contains("dynamic.tool.create"));
}
