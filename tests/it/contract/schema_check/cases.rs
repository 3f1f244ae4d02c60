//! Verdicts, violations and refusals on chosen examples.

use serde_json::{Value, json};

use super::{Make, compile, validate};

fn shown(make: Make, schema: &Value, value: &Value) -> Vec<String> {
    let violations = validate(make, schema, value).unwrap_err();
    violations.iter().map(ToString::to_string).collect()
}

fn check(make: Make, table: &[(Value, Value, Value)]) {
    for (schema, good, bad) in table {
        for value in good.as_array().unwrap() {
            assert_eq!(validate(make, schema, value), Ok(()), "{schema} {value}");
        }
        for value in bad.as_array().unwrap() {
            assert!(validate(make, schema, value).is_err(), "{schema} {value}");
        }
    }
}

pub(super) fn verdicts(make: Make) {
    check(
        make,
        &[
            (json!({}), json!([null, 1, "x", [], {}]), json!([])),
            (json!({"type": "integer"}), json!([1, 1.0, -3]), json!([1.5, "1", null])),
            (json!({"type": ["string", "null"]}), json!(["", null]), json!([0, {}])),
            (json!({"enum": [1, {"a": [2.0]}]}), json!([1.0, {"a": [2]}]), json!([2, {"a": []}])),
            (json!({"const": {"a": 1, "b": 2}}), json!([{"b": 2, "a": 1}]), json!([{"a": 1}])),
            (
                json!({"minLength": 2, "maxLength": 3}),
                json!(["äö", "日本語", 7]),
                json!(["é", "abcd"]),
            ),
            (
                json!({"pattern": "^a\\d+$"}),
                json!(["a1", "a42", 5]),
                json!(["a", "xa1", "a1\n", "a٣"]),
            ),
            (
                json!({"uniqueItems": true}),
                json!([[1, 2], [[1], [2]], ["1", 1]]),
                json!([[1, 1.0]]),
            ),
            (
                json!({"prefixItems": [{"type": "string"}], "items": {"type": "number"}}),
                json!([[], ["a"], ["a", 1, 2]]),
                json!([[1], ["a", "b"]]),
            ),
            (
                json!({"contains": {"const": 1}, "minContains": 2, "maxContains": 3}),
                json!([[1, 1], [1, 0, 1, 1], "x"]),
                json!([[], [1], [1, 1, 1, 1]]),
            ),
            (
                json!({"properties": {"a": {"type": "string"}}, "patternProperties": {"^x": true},
                       "additionalProperties": false, "required": ["a"]}),
                json!([{"a": ""}, {"a": "", "x1": 0}]),
                json!([{}, {"a": 1}, {"a": "", "b": 0}]),
            ),
            (json!({"propertyNames": {"maxLength": 1}}), json!([{"a": 0}, {}]), json!([{"ab": 0}])),
            (
                json!({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}}}),
                json!([{}, {"a": 1, "b": 1}, {"c": 1, "d": 1}]),
                json!([{"a": 1}, {"c": 1}]),
            ),
            (
                json!({"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"minimum": 0}}),
                json!(["a", 0, null]),
                json!(["", -1]),
            ),
            (json!({"oneOf": [{"minimum": 0}, {"maximum": 5}]}), json!([-1, 6]), json!([3])),
            (json!({"not": {"type": "string"}}), json!([1]), json!(["a"])),
            (
                json!({"allOf": [{"properties": {"a": true}}, {"anyOf": [{"properties": {"b": true},
                       "required": ["b"]}, {}]}], "unevaluatedProperties": false}),
                json!([{"a": 1}, {"a": 1, "b": 1}]),
                json!([{"c": 1}, {"a": 1, "c": 1}]),
            ),
            (
                json!({"prefixItems": [true], "contains": {"const": 9}, "unevaluatedItems": {"type": "null"}}),
                json!([[1, 9, null], [9]]),
                json!([[1, 9, 2], [1, null]]),
            ),
        ],
    );
}

pub(super) fn references(make: Make) {
    check(
        make,
        &[
            (
                json!({"$defs": {"a/b~c": {"type": "string"}}, "$ref": "#/$defs/a~1b~0c"}),
                json!(["x"]),
                json!([1]),
            ),
            (
                json!({"$defs": {"a b": {"const": 1}}, "$ref": "#/$defs/a%20b"}),
                json!([1]),
                json!([2]),
            ),
            (
                json!({"$defs": {"x": {"$anchor": "here", "const": 1}}, "$ref": "#here"}),
                json!([1]),
                json!([2]),
            ),
            (
                json!({"$id": "https://example.com/root", "$ref": "item",
                       "$defs": {"i": {"$id": "item", "$ref": "#/$defs/n", "$defs": {"n": {"const": 1}}},
                                 "n": {"const": 2}}}),
                json!([1]),
                json!([2]),
            ),
            (
                json!({"$dynamicRef": "#n", "$defs": {"n": {"$dynamicAnchor": "n", "const": 1}}}),
                json!([1]),
                json!([2]),
            ),
            (
                json!({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}),
                json!([{"v": 1}, {"v": 1, "next": {"v": 2}}]),
                json!([{"v": 1, "next": {}}]),
            ),
            (
                json!({"type": "string", "$ref": "#/$defs/s", "$defs": {"s": {"minLength": 2}}}),
                json!(["ab"]),
                json!(["a", 1]),
            ),
            // Data that looks like schemas is data.
            (json!({"const": {"$ref": "#/nowhere"}}), json!([{"$ref": "#/nowhere"}]), json!([{}])),
            (
                json!({"properties": {"$ref": {"type": "string"}}}),
                json!([{"$ref": "a"}]),
                json!([{"$ref": 1}]),
            ),
        ],
    );
}

pub(super) fn numbers(make: Make) {
    check(
        make,
        &[
            (
                json!({"multipleOf": 0.01}),
                json!([19.99, 0.07, 1, 0, -4.35, 1e300]),
                json!([19.995, 1e-9]),
            ),
            (json!({"multipleOf": 1e-8}), json!([12_391_239_123_u64, 1e308, 3e-8]), json!([1e-9])),
            (json!({"multipleOf": 3}), json!([9, 9.0, 0, -3]), json!([10, 0.5, 1e23])),
            (
                json!({"const": 9_007_199_254_740_993_u64}),
                json!([9_007_199_254_740_993_u64]),
                json!([9_007_199_254_740_992_u64, 9_007_199_254_740_992.0]),
            ),
            (json!({"maximum": u64::MAX}), json!([u64::MAX, i64::MIN]), json!([1.9e19, 1e300])),
            (json!({"exclusiveMinimum": 0}), json!([1e-300, 1]), json!([0, -0.0, -1e-300])),
            (json!({"minimum": 1.5}), json!([1.5, 2]), json!([1, 1.49])),
            (json!({"minLength": 2.0, "maxLength": 1e40}), json!(["ab"]), json!(["a"])),
        ],
    );
}

pub(super) fn violations_say_where_and_what(make: Make) {
    let schema = json!({
        "type": "object",
        "properties": {
            "user": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}},
                     "required": ["name"], "additionalProperties": false},
            "tags/~": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
        }
    });
    assert_eq!(
        shown(make, &schema, &json!({"user": {"age": -1, "x": 0}, "tags/~": ["a", 5]})),
        [
            r#"/user: expected the required property "name", got {"age":-1,"x":0}"#,
            "/user/age: expected a number of at least 0, got -1",
            "/user/x: expected no property of this name, got 0",
            "/tags~1~0/1: expected string, got 5",
        ]
    );
    assert_eq!(shown(make, &schema, &json!([])), ["(root): expected object, got []"]);
    assert_eq!(
        shown(make, &json!({"enum": ["a", 1]}), &json!("b")),
        [r#"(root): expected one of "a", 1, got "b""#]
    );
    assert_eq!(
        shown(
            make,
            &json!({"properties": {"a": true}, "unevaluatedProperties": false}),
            &json!({"a": 1, "b": 2})
        ),
        ["/b: expected no property of this name, got 2"]
    );
}

pub(super) fn alternatives_are_explained_by_the_one_that_was_meant(make: Make) {
    let schema = json!({"anyOf": [
        {"properties": {"op": {"const": "add"}, "by": {"type": "integer"}}, "required": ["op", "by"]},
        {"properties": {"op": {"const": "set"}, "to": {"type": "string"}}, "required": ["op", "to"]},
        {"type": "null"},
    ]});
    assert_eq!(
        shown(make, &schema, &json!({"op": "set", "to": 4})),
        ["/to: expected string, got 4"]
    );
    let vague = shown(make, &schema, &json!({"op": "none"}));
    assert_eq!(
        vague,
        [
            r#"(root): expected one of these: an object whose "op" is "add", an object whose "op" is "set", null, got {"op":"none"}"#
        ]
    );
    assert_eq!(
        shown(make, &json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}), &json!(3)),
        ["(root): expected exactly one of 2 alternatives to match, got 3"]
    );
}

pub(super) fn there_are_at_most_five_violations_and_none_is_long(make: Make) {
    let long = "ü".repeat(40_000);
    let schema = json!({"items": {"enum": [long]}});
    let value = Value::from(vec![json!({"k": long}); 50]);
    let violations = validate(make, &schema, &value).unwrap_err();
    assert_eq!(violations.len(), 5);
    for violation in violations {
        assert!(violation.to_string().chars().count() < 700, "{violation}");
    }
}

pub(super) fn a_schema_that_is_no_schema_is_refused_with_its_place(make: Make) {
    for (schema, place, word) in [
        (json!({"type": "strong"}), "at #:", "type"),
        (json!({"properties": {"a/b": {"minLength": -1}}}), "#/properties/a~1b", "minLength"),
        (json!({"properties": {"a": 1}}), "#/properties/a", "object or a boolean"),
        (json!({"items": [{}, {}]}), "at #:", "prefixItems"),
        (json!({"allOf": []}), "at #:", "allOf"),
        (
            json!({"$defs": {"x": {"anyOf": [true, {"required": "a"}]}}, "$ref": "#/$defs/x"}),
            "/anyOf/1",
            "required",
        ),
        (json!({"multipleOf": 0}), "at #:", "multipleOf"),
        (json!({"pattern": "("}), "at #:", "pattern"),
        (json!({"patternProperties": {"[": {}}}), "at #:", "patternProperties"),
        (json!({"pattern": "^(?!x)"}), "at #:", "look-around"),
        (json!({"pattern": "(a)\\1"}), "at #:", "back-reference"),
        (json!({"$ref": "#/$defs/none"}), "at #:", "leads to nothing"),
        (json!({"$ref": 5}), "at #:", "string"),
        (json!({"minContains": -1, "contains": {}}), "at #:", "minContains"),
        (json!({"uniqueItems": "yes"}), "at #:", "uniqueItems"),
    ] {
        let why = compile(make, &schema).err().unwrap_or_else(|| panic!("{schema} compiles"));
        assert!(why.contains(place) && why.contains(word), "{schema}: {why}");
    }
}

pub(super) fn nothing_is_fetched(make: Make) {
    for reference in [
        "https://example.com/x",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "other.json",
        "//host/x",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let why = compile(make, &json!({"$ref": reference})).err().unwrap();
        assert!(why.contains("nothing is fetched"), "{why}");
    }
}

pub(super) fn ordinary_recursive_schemas_are_served(make: Make) {
    let tree = json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["v"],
        "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "additionalProperties": false}}});
    let mut value = json!({"v": 0});
    for v in 1..50 {
        value = json!({"v": v, "kids": [value, {"v": 1}]});
    }
    assert_eq!(validate(make, &tree, &value), Ok(()));

    // Thirty kinds of nodes that are told apart by their last member only.
    let kinds: Vec<_> = (0..30)
        .map(|kind| {
            json!({"type": "object", "properties": {"left": {"$ref": "#/$defs/e"},
                "right": {"$ref": "#/$defs/e"}, "op": {"const": format!("op{kind}")}},
                "required": ["left", "right", "op"], "unevaluatedProperties": false})
        })
        .collect();
    let ast = json!({"$ref": "#/$defs/e",
        "$defs": {"e": {"anyOf": [{"type": "number"}, {"oneOf": kinds}]}}});
    let mut value = json!(1);
    for depth in 0..60 {
        value = json!({"left": value, "right": 2, "op": format!("op{}", depth % 30)});
    }
    assert_eq!(validate(make, &ast, &value), Ok(()));
    let mut wrong = json!("not a number");
    for _ in 0..40 {
        wrong = json!({"left": wrong, "right": 2, "op": "op7"});
    }
    let why = validate(make, &ast, &wrong).unwrap_err();
    assert_eq!(why[0].pointer, "/left".repeat(40), "{why:?}");

    // Forty definitions, each of which can hold each other.
    let names: Vec<_> = (0..40).map(|n| json!({"$ref": format!("#/$defs/d{n}")})).collect();
    let defs: serde_json::Map<_, _> = (0..40)
        .map(|n| {
            let definition =
                json!({"type": ["object", "integer"], "additionalProperties": {"anyOf": names}});
            (format!("d{n}"), definition)
        })
        .collect();
    let api = json!({"anyOf": names, "$defs": defs});
    let mut value = json!({"a": 1});
    for _ in 0..30 {
        value = json!({"a": value, "b": {"c": 2}});
    }
    assert_eq!(validate(make, &api, &value), Ok(()));
}
