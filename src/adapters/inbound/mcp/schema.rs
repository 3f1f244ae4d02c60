//! The JSON Schemas of built-in tools, generated from their types and made plain.
//!
//! Clients hand these schemas to models of every kind, so that they are written in what all of them read:
//! everything inlined, one `type` in each place, choices as `enum` or `anyOf`, and no schema that says
//! nothing. An optional field is one that may be left out, and its schema has no `null`; where `null` means
//! something of its own (in a patch) the type says so with `oneOf`.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The schema of arguments, which are an object.
pub(super) fn input<T: JsonSchema>() -> JsonObject {
    generate::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// The schema of an output, which is an object.
pub(super) fn output<T: JsonSchema>() -> JsonObject {
    generate::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn generate<T: JsonSchema>(settings: SchemaSettings) -> JsonObject {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    let Value::Object(mut object) = schema else { return JsonObject::new() };
    object.remove("title");
    object.remove("description");
    object.entry("properties").or_insert_with(|| json!({}));
    object
}

/// A schema in words that every client reads.
fn plain(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Value::Object(object) = schema else { return };
    object.remove("format");
    // Texts come from comments, which are broken into lines.
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    if object.get("default").is_some_and(|default| !default.is_boolean() && !default.is_string()) {
        object.remove("default");
    }
    without_null(object);
    enumerate(object);
    if !["type", "anyOf", "oneOf", "enum"].iter().any(|key| object.contains_key(*key)) {
        object.insert("anyOf".to_owned(), any_value());
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(plain);
    }
    for key in ["items", "additionalProperties"] {
        match object.get_mut(key) {
            Some(Value::Bool(_)) if key == "additionalProperties" => {}
            Some(inner) => plain(inner),
            None => {}
        }
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = object.get_mut(key) {
            branches.iter_mut().for_each(plain);
        }
    }
}

/// Any JSON value, said with types.
fn any_value() -> Value {
    ["object", "array", "string", "number", "boolean", "null"]
        .map(|kind| json!({ "type": kind }))
        .to_vec()
        .into()
}

/// Takes out the `null` of an `Option`.
fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else { return };
    branches.retain(|branch| *branch != json!({ "type": "null" }));
    if let [Value::Object(_)] = branches.as_slice()
        && let Some(Value::Object(only)) = branches.pop()
    {
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

/// A choice of documented constants becomes an `enum`; what is said of each goes into the description.
fn enumerate(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get("oneOf") else { return };
    let constant =
        |branch: &Value| Some((branch.get("const")?.as_str()?.to_owned(), branch.clone()));
    let Some(constants) = branches.iter().map(constant).collect::<Option<Vec<_>>>() else { return };
    let said = constants.iter().filter_map(|(name, branch)| {
        let text = branch.get("description")?.as_str()?;
        Some(format!("{name}: {}", text.trim_end_matches('.')))
    });
    let said = said.collect::<Vec<_>>().join("; ");
    let about = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let about = format!("{about} ({said})").trim_start().to_owned();
    let names = constants.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    object.remove("oneOf");
    object.insert("description".to_owned(), about.into());
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), names.into());
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// What to do.
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        /// The one.
        One,
        /// The other.
        Two,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Sample {
        /// A number.
        number: Option<u32>,
        /// A choice.
        choice: Option<Choice>,
        /// Anything.
        value: Value,
        /// A list.
        list: Vec<Choice>,
    }

    #[test]
    fn optional_fields_have_one_type_and_nothing_is_untyped() {
        let schema = Value::Object(input::<Sample>());
        let properties = &schema["properties"];
        assert_eq!(properties["number"]["type"], "integer");
        assert_eq!(properties["number"]["minimum"], 0);
        assert_eq!(properties["choice"]["type"], "string");
        assert_eq!(properties["choice"]["enum"], json!(["one", "two"]));
        assert_eq!(properties["value"]["anyOf"].as_array().map(Vec::len), Some(6));
        assert_eq!(properties["list"]["items"]["enum"], json!(["one", "two"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["value", "list"]));
    }
}
