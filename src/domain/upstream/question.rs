//! What a server asks of the client of a call, and whether the client is one that can answer it.

use serde_json::{Map, Value};

/// Whether a client with these capabilities can be asked this; both as MCP writes them.
pub fn can_answer(capabilities: &Map<String, Value>, request: &Map<String, Value>) -> bool {
    let params = request.get("params");
    let given =
        |param: &str| params.is_some_and(|all| all.get(param).is_some_and(|it| !it.is_null()));
    let has = |capability: &str, part: &str| {
        capabilities.get(capability).is_some_and(|it| it.get(part).is_some())
    };
    match request.get("method").and_then(Value::as_str) {
        Some("elicitation/create") => {
            let url = params.and_then(|all| all.get("mode")).is_some_and(|mode| mode == "url");
            // Who says nothing of modes knows forms only.
            let forms = has("elicitation", "form") || !has("elicitation", "url");
            capabilities.contains_key("elicitation")
                && if url { has("elicitation", "url") } else { forms }
        }
        Some("sampling/createMessage") => {
            let tools = given("tools") || given("toolChoice");
            capabilities.contains_key("sampling") && (!tools || has("sampling", "tools"))
        }
        Some("roots/list") => capabilities.contains_key("roots"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn can(capabilities: Value, request: Value) -> bool {
        let fields = |value: Value| value.as_object().unwrap().clone();
        can_answer(&fields(capabilities), &fields(request))
    }

    #[test]
    fn a_client_is_asked_what_it_said_it_can_do() {
        let form = json!({ "method": "elicitation/create", "params": { "message": "?" } });
        let url = json!({ "method": "elicitation/create", "params": { "mode": "url" } });
        let sample = json!({ "method": "sampling/createMessage", "params": { "messages": [] } });
        let tools = json!({ "method": "sampling/createMessage", "params": { "tools": [] } });
        let roots = json!({ "method": "roots/list" });
        let other = json!({ "method": "tasks/list" });
        for (capabilities, able) in [
            (json!({}), [false; 6]),
            (json!({ "elicitation": {} }), [true, false, false, false, false, false]),
            (json!({ "elicitation": { "form": {} } }), [true, false, false, false, false, false]),
            (json!({ "elicitation": { "url": {} } }), [false, true, false, false, false, false]),
            (json!({ "sampling": {} }), [false, false, true, false, false, false]),
            (json!({ "sampling": { "tools": {} } }), [false, false, true, true, false, false]),
            (json!({ "roots": {}, "tasks": {} }), [false, false, false, false, true, false]),
        ] {
            let requests = [&form, &url, &sample, &tools, &roots, &other];
            let said = requests.map(|request| can(capabilities.clone(), request.clone()));
            assert_eq!(said, able, "{capabilities}");
        }
    }
}
