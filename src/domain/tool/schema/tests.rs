//! What becomes of schemas in older dialects, and that others stay as they are.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn normal(schema: Value) -> Value {
    ToolSchema::output(schema).unwrap().to_value()
}

/// Compares the order of keys too.
fn assert_same(left: &Value, right: &Value) {
    assert_eq!(left.to_string(), right.to_string());
}

fn of(draft: &str, schema: &Value) -> Value {
    let mut old = Map::new();
    old.insert("$schema".to_owned(), json!(format!("http://json-schema.org/{draft}/schema#")));
    old.extend(schema.as_object().unwrap().clone());
    let mut new = normal(Value::Object(old));
    assert_eq!(new.as_object_mut().unwrap().shift_remove("$schema"), Some(json!(dialect::CURRENT)));
    new
}

#[test]
fn a_current_schema_is_kept_to_the_letter() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {"$anchor": "addressDef", "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
        "properties": {"address": {"$ref": "#/$defs/address"}, "name": {"type": "string"},
            "phone": {"x-mcp-header": "X-Phone"}},
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["name"]}]}],
        "if": {"properties": {"name": {"const": "x"}}}, "then": {"required": ["phone"]}, "else": {},
        "additionalProperties": false, "definitions": {}, "dependencies": {"a": ["b"]},
    });
    let kept = ToolSchema::input(schema.clone()).unwrap();
    assert_same(&kept.to_value(), &schema);
    let mut without = schema;
    without.as_object_mut().unwrap().shift_remove("$schema");
    assert_same(&normal(without.clone()), &without);
}

#[test]
fn draft_7_and_6() {
    for draft in ["draft-07", "draft-06"] {
        let old = json!({
            "type": "object",
            "definitions": {"a": {"$id": "#here", "type": "string"},
                            "t": {"items": [{"type": "null"}, true], "additionalItems": {"type": "number"}}},
            "properties": {
                "p": {"$ref": "#/definitions/a", "type": "number", "description": "d"},
                "q": {"$ref": "#/definitions/t/items/0"},
                "r": {"$ref": "#/definitions/t/additionalItems"},
                "definitions": {"items": {"type": "string"}, "additionalItems": false},
                "s": {"$ref": "other.json#/definitions/x"},
            },
            "dependencies": {"p": ["q"], "r": {"required": ["s"]}},
            "const": {"definitions": {"items": []}},
        });
        let new = json!({
            "type": "object",
            "$defs": {"a": {"$anchor": "here", "type": "string"},
                      "t": {"prefixItems": [{"type": "null"}, true], "items": {"type": "number"}}},
            "properties": {
                "p": {"$ref": "#/$defs/a", "description": "d"},
                "q": {"$ref": "#/$defs/t/prefixItems/0"},
                "r": {"$ref": "#/$defs/t/items"},
                "definitions": {"items": {"type": "string"}},
                "s": {"$ref": "other.json#/$defs/x"},
            },
            "dependentRequired": {"p": ["q"]},
            "dependentSchemas": {"r": {"required": ["s"]}},
            "const": {"definitions": {"items": []}},
        });
        assert_same(&of(draft, &old), &new);
    }
}

#[test]
fn draft_4() {
    let old = json!({
        "id": "https://example.com/s", "properties": {
            "a": {"minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false},
            "id": {"type": "string"}},
        "definitions": {"x": {"id": "#x"}},
    });
    let new = json!({
        "$id": "https://example.com/s",
        "properties": {"a": {"exclusiveMinimum": 1, "maximum": 5}, "id": {"type": "string"}},
        "$defs": {"x": {"$anchor": "x"}},
    });
    assert_same(&of("draft-04", &old), &new);
}

#[test]
fn draft_2019_09() {
    let old = json!({
        "$recursiveAnchor": true, "items": [true], "additionalItems": {"$recursiveRef": "#"},
        "$defs": {"a": {"$ref": "#/items/0", "minimum": 1}},
    });
    let new = json!({
        "$dynamicAnchor": "recursive", "prefixItems": [true], "items": {"$dynamicRef": "#recursive"},
        "$defs": {"a": {"$ref": "#/prefixItems/0", "minimum": 1}},
    });
    assert_same(&of("draft/2019-09", &old), &new);
}

#[test]
fn both_kinds_of_definitions_are_kept() {
    let old = json!({"definitions": {"a": {"const": 1}}, "$defs": {"b": {"const": 2}}});
    assert_same(&of("draft-07", &old), &json!({"$defs": {"a": {"const": 1}, "b": {"const": 2}}}));
}

#[test]
fn refuses_unknown_dialects_and_what_is_no_object() {
    for schema in [json!({"$schema": "https://example.com/mine"}), json!({"$schema": 7})] {
        assert!(matches!(ToolSchema::output(schema), Err(SchemaError::Dialect(_))));
    }
    for schema in [json!(true), json!([]), json!("object")] {
        assert_eq!(ToolSchema::input(schema), Err(SchemaError::NotAnObject));
    }
    assert_eq!(ToolSchema::input(json!({"type": "array"})), Err(SchemaError::RootType));
    let large = json!({"description": "x".repeat(ToolSchema::MAX_BYTES)});
    assert!(matches!(ToolSchema::output(large), Err(SchemaError::TooLarge { .. })));
}

#[test]
fn arguments_are_an_object() {
    let filled = ToolSchema::input(json!({"properties": {}})).unwrap();
    assert_same(&filled.to_value(), &json!({"properties": {}, "type": "object"}));
}

proptest! {
    #[test]
    fn converting_twice_is_converting_once(
        keyword in "items|definitions|dependencies|\\$ref|properties|allOf|id|minimum",
        value in prop_oneof![
            Just(json!({})), Just(json!([{}])), Just(json!({"a": {"items": [{}]}})), Just(json!("#/definitions/a")),
            Just(json!(true)), Just(json!({"a": ["b"]})),
        ],
    ) {
        let mut old = json!({"$schema": "http://json-schema.org/draft-07/schema#"});
        old[&keyword] = value;
        let once = normal(old);
        prop_assert_eq!(normal(once.clone()).to_string(), once.to_string());
    }
}
