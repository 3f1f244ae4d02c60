//! `dynamic.tool.search`, on a registry that is too large to be read.

use std::sync::Arc;

use dynamic_mcp::domain::Actor;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, draft};
use crate::support::client::Served;

fn names(found: &Value) -> Vec<&str> {
    let tools = found["structuredContent"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

async fn add(test: &TestApp, fields: &Value) {
    test.app.catalog.create(Actor::Local, draft(fields)).await.unwrap();
}

#[tokio::test]
async fn tools_are_found_by_what_they_are_called_and_what_they_do() {
    let test = TestApp::new();
    let schema = json!({ "type": "object", "required": ["url"] });
    add(&test, &json!({
        "name": "pdf.to_text", "title": "PDF to text", "description": "Reads the text of a PDF.",
        "tags": ["convert", "document"], "inputSchema": schema,
    })).await;
    add(&test, &json!({ "name": "image.resize", "description": "Makes images smaller." })).await;
    add(&test, &json!({ "name": "text.count", "description": "Counts words, in a pdf too." }))
        .await;
    let mut served = Served::enterprise(test).await;
    let client = &mut served.client;

    let found = client.call("dynamic.tool.search", json!({ "query": "convert a PDF" })).await;
    assert_eq!(names(&found), ["pdf.to_text", "text.count"]);
    let first = &found["structuredContent"]["tools"][0];
    assert_eq!((&first["title"], &first["inputSchema"]), (&json!("PDF to text"), &schema));
    assert!(first.get("code").is_none());
    let second = &found["structuredContent"]["tools"][1];
    assert!(second["inputSchema"]["properties"]["args"].is_object(), "{second}");
    assert!(
        first["score"].as_f64() > second["score"].as_f64() && second["score"].as_f64() > Some(0.0)
    );

    let one = client.call("dynamic.tool.search", json!({ "query": "pdf", "limit": 1 })).await;
    assert_eq!(names(&one), ["pdf.to_text"]);
    let none = client.call("dynamic.tool.search", json!({ "query": "zebra" })).await;
    assert!(names(&none).is_empty());
    assert!(none["content"][1]["text"].as_str().unwrap().contains("dynamic.tool.list"));
    for (arguments, says) in [
        (json!({}), "'query' is required"),
        (json!({ "query": "" }), "/query: expected 1 to 1000 characters, got 0"),
        (json!({ "query": "q".repeat(1_001) }), "got 1001"),
        (json!({ "query": "q", "limit": 0 }), "/limit: expected 1 to 100, got 0"),
        (json!({ "query": "q", "limit": 101 }), "got 101"),
        (json!({ "query": "q", "limit": 1.5 }), "/limit"),
        (json!({ "query": ["q"] }), "/query: expected a string"),
    ] {
        let refused = client.call("dynamic.tool.search", arguments.clone()).await;
        assert_eq!(refused["structuredContent"]["code"], "invalid_input", "{arguments}: {refused}");
        assert!(refused["content"][0]["text"].as_str().unwrap().contains(says), "{refused}");
    }
}

#[tokio::test]
async fn every_change_is_followed() {
    let mut served = Served::enterprise(TestApp::new()).await;
    let client = &mut served.client;
    let query = json!({ "query": "zebra" });
    client.create("zebra.one", "echo").await;
    assert_eq!(names(&client.call("dynamic.tool.search", query.clone()).await), ["zebra.one"]);
    client.create("other.tool", "echo").await;
    let patch = json!({ "name": "other.tool", "patch": { "tags": ["zebra"] } });
    client.call("dynamic.tool.update", patch).await;
    let both = client.call("dynamic.tool.search", query.clone()).await;
    assert_eq!(names(&both), ["zebra.one", "other.tool"]);
    client.call("dynamic.tool.enable", json!({ "name": "zebra.one", "enabled": false })).await;
    assert_eq!(names(&client.call("dynamic.tool.search", query.clone()).await), ["other.tool"]);
    client.call("dynamic.tool.delete", json!({ "name": "other.tool" })).await;
    client.call("dynamic.tool.enable", json!({ "name": "zebra.one", "enabled": true })).await;
    assert_eq!(names(&client.call("dynamic.tool.search", query).await), ["zebra.one"]);
}

#[tokio::test]
async fn five_thousand_tools_can_be_searched() {
    let test = TestApp::with(Setup { max_tools: 5_001, ..Setup::default() });
    for number in 0..5_000 {
        let topic = ["invoice", "weather", "pdf", "image", "calendar"][number % 5];
        let description = format!("Works on {topic} number {number} for customers and reports.");
        add(&test, &json!({ "name": format!("{topic}.n{number}"), "description": description }))
            .await;
    }
    let needle =
        json!({ "name": "crm.merge_contacts", "description": "Joins duplicate contacts." });
    add(&test, &needle).await;
    let app = test.app.clone();
    let mut served = Served::enterprise(test).await;
    let found =
        served.client.call("dynamic.tool.search", json!({ "query": "merge contact" })).await;
    assert_eq!(names(&found)[0], "crm.merge_contacts");
    let many = json!({ "query": "invoice reports for customers", "limit": 100 });
    let many = served.client.call("dynamic.tool.search", many).await;
    assert_eq!(names(&many).len(), 100);
    assert!(names(&many).iter().all(|name| name.starts_with("invoice.")));
    // Many at once find the same.
    let searches = (0..8).map(|_| {
        let search = Arc::clone(&app.search);
        tokio::task::spawn_blocking(move || search.find("merge contact", 5).len())
    });
    let counts = futures_util::future::join_all(searches).await;
    assert!(counts.into_iter().all(|count| count.unwrap() == 1));
}
