//! The same verdicts as another implementation, on generated schemas and values. The schemas are small: the
//! other one has no limits.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use super::{Make, compile};

pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        select(vec![0.5, 1.0, -1.5, 2.0]).prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn assertion() -> impl Strategy<Value = (String, Value)> {
    let types = select(vec!["null", "boolean", "object", "array", "number", "string", "integer"]);
    let count = (0_u64..4).prop_map(Value::from);
    let number = select(vec![json!(-1), json!(0), json!(1), json!(1.5), json!(2)]);
    let named = |names: &'static [&'static str], value: BoxedStrategy<Value>| {
        (select(names), value).prop_map(|(name, value)| (name.to_owned(), value)).boxed()
    };
    prop_oneof![
        named(&["type"], types.prop_map(Value::from).boxed()),
        named(&["const"], any_value().boxed()),
        named(&["enum"], vec(any_value(), 1..4).prop_map(Value::from).boxed()),
        named(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], number.boxed()),
        named(&["multipleOf"], select(vec![json!(0.5), json!(1), json!(2)]).boxed()),
        named(
            &["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
            count.boxed()
        ),
        named(&["minContains", "maxContains"], (0_u64..3).prop_map(Value::from).boxed()),
        named(
            &["required"],
            vec("[a-c]", 0..3)
                .prop_map(|mut names| {
                    names.sort();
                    names.dedup();
                    Value::from(names)
                })
                .boxed()
        ),
        named(
            &["pattern"],
            select(vec!["^a", "b$", "^[ab]+$", "a|bb"]).prop_map(Value::from).boxed()
        ),
        named(&["uniqueItems"], any::<bool>().prop_map(Value::from).boxed()),
        named(&["dependentRequired"], Just(json!({"a": ["b"]})).boxed()),
    ]
}

fn reference() -> impl Strategy<Value = (String, Value)> {
    select(vec!["#", "#/$defs/x", "#/$defs/y", "#y"])
        .prop_map(|reference| ("$ref".to_owned(), Value::from(reference)))
}

fn subschema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::from),
        6 => vec(assertion(), 0..3).prop_map(object),
        2 => vec(reference(), 1..2).prop_map(object),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let keyword = |names: &'static [&'static str], value: BoxedStrategy<Value>| {
            (select(names), value).prop_map(|(name, value)| (name.to_owned(), value)).boxed()
        };
        let applicator = prop_oneof![
            keyword(
                &[
                    "not",
                    "if",
                    "then",
                    "else",
                    "items",
                    "contains",
                    "additionalProperties",
                    "propertyNames",
                    "unevaluatedItems",
                    "unevaluatedProperties"
                ],
                inner.clone().boxed()
            ),
            keyword(
                &["allOf", "anyOf", "oneOf", "prefixItems"],
                vec(inner.clone(), 1..4).prop_map(Value::from).boxed()
            ),
            keyword(
                &["properties", "dependentSchemas"],
                btree_map("[a-c]", inner.clone(), 0..3)
                    .prop_map(|map| object(map.into_iter().collect()))
                    .boxed()
            ),
            keyword(
                &["patternProperties"],
                inner.prop_map(|schema| json!({"^[ab]": schema})).boxed()
            ),
        ];
        vec(prop_oneof![3 => applicator, 2 => assertion(), 1 => reference()], 1..5).prop_map(object)
    })
}

fn object(keywords: Vec<(String, Value)>) -> Value {
    Value::Object(keywords.into_iter().collect())
}

/// A schema whose references all lead somewhere.
pub(super) fn any_schema() -> impl Strategy<Value = Value> {
    (subschema(), subschema(), subschema()).prop_map(|(root, x, y)| {
        let mut root = match root {
            Value::Object(root) => root,
            root => object(vec![("allOf".to_owned(), json!([root]))]).as_object().unwrap().clone(),
        };
        let y = match y {
            Value::Object(mut y) => {
                y.insert("$anchor".to_owned(), Value::from("y"));
                Value::Object(y)
            }
            y => json!({"$anchor": "y", "allOf": [y]}),
        };
        root.insert("$defs".to_owned(), json!({"x": x, "y": y}));
        Value::Object(root)
    })
}

pub(super) fn agrees_with_another_implementation(make: Make) {
    let mut runner =
        TestRunner::new(Config { cases: 300, max_global_rejects: 100_000, ..Config::default() });
    runner
        .run(&(any_schema(), vec(any_value(), 1..6)), |(schema, values)| {
            // A schema that applies itself in place is refused here and given some meaning there.
            let Ok(compiled) = compile(make, &schema) else {
                return Err(TestCaseError::reject("refused"));
            };
            let other = jsonschema::draft202012::new(&schema).unwrap();
            for value in values {
                let verdict = compiled.validate(&value);
                prop_assert_eq!(
                    verdict.is_ok(),
                    other.is_valid(&value),
                    "{} {} {:?}",
                    schema,
                    value,
                    verdict
                );
            }
            Ok(())
        })
        .unwrap();
}
