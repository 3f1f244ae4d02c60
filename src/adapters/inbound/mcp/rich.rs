//! `ctx.result(...)`: MCP content made by a tool's code, checked before any client sees it.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ResourceContents};
use serde_json::{Map, Value};

use super::decode::{INVALID_ARGUMENTS, decode};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;
use crate::domain::text::echo;

/// Reads `{content, isError, structuredContent, _meta}`.
pub(super) fn read(mut fields: Map<String, Value>) -> Result<CallToolResult, Failure> {
    let structured = fields.remove("structuredContent");
    let content = match fields.remove("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(blocks)) => {
            (0..).zip(blocks).map(|(at, value)| block(at, value)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong("content must be an array of content blocks")),
    };
    let is_error = match fields.remove("isError") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_error)) => is_error,
        Some(_) => return Err(wrong("isError must be a boolean")),
    };
    let meta = match fields.remove("_meta") {
        None | Some(Value::Null) => None,
        Some(Value::Object(meta)) => Some(MetaObject(meta)),
        Some(_) => return Err(wrong("_meta must be an object")),
    };
    if let Some(unknown) = fields.keys().next() {
        let name = echo(unknown);
        return Err(wrong(&format!(
            "there is no field '{name}'; allowed: content, isError, structuredContent, _meta"
        )));
    }
    let content = match &structured {
        // Clients that know no structured content must see something.
        Some(value) if content.is_empty() => vec![ContentBlock::text(value.to_string())],
        _ => content,
    };
    let mut result =
        if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = structured;
    result.meta = meta;
    Ok(result)
}

fn block(at: usize, value: Value) -> Result<ContentBlock, Failure> {
    shape(&value).map_err(|message| wrong(&format!("content/{at}{message}")))?;
    let block: ContentBlock = decode(value).map_err(|error| {
        let message = error.public_message();
        let message = message.trim_start_matches(INVALID_ARGUMENTS);
        let place = if message.starts_with('/') { "" } else { ": " };
        wrong(&format!("content/{at}{place}{message}"))
    })?;
    let encoded = match &block {
        ContentBlock::Image(image) => Some(&image.data),
        ContentBlock::Audio(audio) => Some(&audio.data),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::BlobResourceContents { blob, .. } => Some(blob),
            _ => None,
        },
        _ => None,
    };
    match encoded {
        Some(data) if !is_base64(data) => {
            Err(wrong(&format!("content/{at}: its data must be base64")))
        }
        _ => Ok(block),
    }
}

/// What is wrong with the objects of a block: it itself, and those in it. serde reads a type with a tag by way
/// of a buffer, from which it takes an array for an object too.
fn shape(block: &Value) -> Result<(), String> {
    let Value::Object(fields) = block else {
        return Err(": expected an object".to_owned());
    };
    let is_resource = fields.get("type").is_some_and(|kind| kind == "resource");
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("resource", resource) if is_resource => embedded(resource)?,
            ("icons", Value::Array(icons)) => {
                if let Some(at) = icons.iter().position(|icon| !icon.is_object()) {
                    return Err(format!("/icons/{at}: expected an object"));
                }
            }
            ("annotations" | "_meta", Value::Object(_) | Value::Null) => {}
            ("annotations" | "_meta", _) => return Err(format!("/{name}: expected an object")),
            _ => {}
        }
    }
    if is_resource && !fields.contains_key("resource") {
        return Err(": the field 'resource' is required".to_owned());
    }
    Ok(())
}

/// What is wrong with an embedded resource. The SDK knows two kinds of them, and says of one that is neither
/// only that.
fn embedded(resource: &Value) -> Result<(), String> {
    let Value::Object(fields) = resource else {
        return Err("/resource: expected an object".to_owned());
    };
    let field = |name| fields.get(name).filter(|value| !value.is_null());
    for name in ["uri", "mimeType", "text", "blob"] {
        if field(name).is_some_and(|value| !value.is_string()) {
            return Err(format!("/resource/{name}: expected a string"));
        }
    }
    if field("_meta").is_some_and(|value| !value.is_object()) {
        return Err("/resource/_meta: expected an object".to_owned());
    }
    if field("uri").is_none() {
        return Err("/resource: the field 'uri' is required".to_owned());
    }
    if field("text").is_none() && field("blob").is_none() {
        return Err("/resource: one of the fields 'text' and 'blob' is required".to_owned());
    }
    Ok(())
}

/// RFC 4648 section 4, padded: what MCP means by a byte string.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

fn wrong(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidOutput, format!("ctx.result was given a bad result: {message}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(value: Value) -> Result<CallToolResult, Failure> {
        let Value::Object(fields) = value else { panic!("not an object") };
        read(fields)
    }

    #[test]
    fn the_five_kinds_of_content_pass_as_they_are() {
        let blocks = json!([
            { "type": "text", "text": "a" },
            { "type": "image", "data": "aGk=", "mimeType": "image/png" },
            { "type": "audio", "data": "aGk=", "mimeType": "audio/wav" },
            { "type": "resource", "resource": { "uri": "x:1", "text": "b", "mimeType": "text/plain" } },
            { "type": "resource", "resource": { "uri": "x:2", "blob": "aGk=" } },
            { "type": "resource_link", "uri": "x:3", "name": "c" },
        ]);
        let result = read_json(json!({ "content": blocks, "_meta": { "a": 1 } })).unwrap();
        assert_eq!(serde_json::to_value(&result.content).unwrap(), blocks);
        assert_eq!(result.is_error, Some(false));
        assert!(result.result_type.is_some());
    }

    #[test]
    fn structured_content_alone_is_shown_as_text_too() {
        let result = read_json(json!({ "structuredContent": { "a": 1 } })).unwrap();
        assert_eq!(result.content.first().unwrap().as_text().unwrap().text, r#"{"a":1}"#);
    }

    fn with_resource(resource: &Value) -> Value {
        json!({ "content": [{ "type": "resource", "resource": resource }] })
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (value, says) in [
            (json!({ "content": "text" }), "content must be an array"),
            (json!({ "content": [{ "type": "video" }] }), "content/0/type: 'video' is not one of"),
            (json!({ "content": [{ "type": "text" }] }), "content/0: the field 'text' is required"),
            (json!({ "content": [{ "type": "image", "data": "?", "mimeType": "a/b" }] }), "base64"),
            (json!({ "content": [{ "type": "resource" }] }), "content/0: the field 'resource' is"),
            (json!({ "content": [["text", "hello"]] }), "content/0: expected an object"),
            (json!({ "content": ["hello"] }), "content/0: expected an object"),
            (
                json!({ "content": [{ "type": "text", "text": "a", "annotations": [["user"], 1] }] }),
                "content/0/annotations: expected an object",
            ),
            (
                json!({ "content": [{ "type": "text", "text": "a", "_meta": [] }] }),
                "content/0/_meta: expected an object",
            ),
            (
                json!({ "content": [
                    { "type": "resource_link", "uri": "x:1", "name": "a", "icons": [["x:2"]] },
                ] }),
                "content/0/icons/0: expected an object",
            ),
            (with_resource(&json!([])), "content/0/resource: expected an object"),
            (with_resource(&json!(["x:1", "text/plain", "a"])), "/resource: expected an object"),
            (with_resource(&json!({ "text": "a" })), "content/0/resource: the field 'uri' is"),
            (with_resource(&json!({ "uri": "x:1" })), "resource: one of the fields 'text' and"),
            (with_resource(&json!({ "uri": 1, "text": "a" })), "resource/uri: expected a string"),
            (
                with_resource(&json!({ "uri": "x:1", "text": "a", "_meta": 1 })),
                "resource/_meta: expected an object",
            ),
            (with_resource(&json!({ "uri": "x:1", "blob": "?" })), "content/0: its data must be"),
            (json!({ "isError": "yes" }), "isError must be a boolean"),
            (json!({ "_meta": [] }), "_meta must be an object"),
            (json!({ "contents": [] }), "there is no field 'contents'"),
        ] {
            let said = read_json(value).unwrap_err().message;
            assert!(said.contains(says), "{said}");
        }
    }
}
