//! Schemas and values made to hang, to overflow the stack or to fill the memory. Each runs in a thread with
//! a small stack, and must come to an end: how it ends is often a matter of taste.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use super::oracle::{any_schema, any_value};
use super::{Make, compile};

/// Half of what threads of the server have.
const STACK: usize = 1 << 20;
/// A guard against hanging, not a measure of speed.
const HANG: Duration = Duration::from_mins(2);

fn in_time<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(STACK).spawn(move || done.send(run()));
    let end = end.recv_timeout(HANG).unwrap_or_else(|why| panic!("{what}: {why}"));
    thread.unwrap().join().unwrap().unwrap();
    end
}

fn definitions(count: usize, make: impl Fn(usize) -> Value) -> Map<String, Value> {
    (0..count).map(|n| (format!("a{n}"), make(n))).collect()
}

fn nested(depth: usize, around: impl Fn(Value) -> Value, core: Value) -> Value {
    (0..depth).fold(core, |inner, _| around(inner))
}

pub(super) fn hostile_schemas_are_refused_when_compiled(make: Make) {
    let chain = definitions(2_500, |n| json!({"$ref": format!("#/$defs/a{}", (n + 1) % 2_500)}));
    let long = definitions(2_500, |n| json!({"$ref": format!("#/$defs/a{}", (n + 1).min(2_499))}));
    let patterns: Map<_, _> =
        (0..3_000).map(|n| (format!("^p{n}\\w{{50}}$"), json!(true))).collect();
    for (what, schema) in [
        ("itself", json!({"$ref": "#"})),
        (
            "two",
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        ),
        ("in allOf", json!({"allOf": [{"anyOf": [{"not": {"$ref": "#"}}]}]})),
        ("dynamic", json!({"$dynamicAnchor": "x", "if": {"$dynamicRef": "#x"}})),
        ("dependent", json!({"dependentSchemas": {"a": {"$ref": "#"}}})),
        ("a long cycle", json!({"$defs": chain, "$ref": "#/$defs/a0"})),
        ("a long chain", json!({"$defs": long, "properties": {"x": {"$ref": "#/$defs/a0"}}})),
        ("many patterns", json!({"patternProperties": patterns})),
        ("a large pattern", json!({"pattern": "(\\p{L}{1000}){1000}"})),
        (
            "a deep pattern",
            json!({"pattern": format!("{}{}", "(".repeat(2_000), ")".repeat(2_000))}),
        ),
        ("a long pattern", json!({"pattern": "a".repeat(50_000)})),
        ("a long id", json!({"$id": format!("https://example.com/{}", "x".repeat(60_000))})),
    ] {
        let why = in_time(what, move || compile(make, &schema).err());
        assert!(why.is_some_and(|why| why.len() < 800), "{what}");
    }
}

pub(super) fn hostile_pairs_end(make: Make) {
    let doubled = |keyword: &'static str| {
        definitions(60, move |n| {
            let next = json!({"$ref": format!("#/$defs/a{}", (n + 1).min(59))});
            if n == 59 { json!({"type": "string"}) } else { json!({keyword: [next, next]}) }
        })
    };
    let deep_array = nested(110, |inner| json!([inner]), json!(1));
    let deep_object = nested(120, |inner| json!({"a": inner}), json!({}));
    let numbers = Value::from((0..100_000).collect::<Vec<_>>());
    let objects = Value::from((0..100_000).map(|n| json!({"a": [n]})).collect::<Vec<_>>());
    let long = Value::from("x".repeat(4_000_000));
    let wide: Value =
        (0..100_000).map(|n| (format!("k{n}"), json!(n))).collect::<Map<_, _>>().into();
    let requirements: Vec<_> = (0..8_000).map(|n| format!("k{n}")).collect();
    let pairs: Vec<(&str, Value, Value)> = vec![
        ("allOf doubled", json!({"$ref": "#/$defs/a0", "$defs": doubled("allOf")}), json!("x")),
        ("anyOf doubled", json!({"$ref": "#/$defs/a0", "$defs": doubled("anyOf")}), json!(1)),
        ("oneOf doubled", json!({"$ref": "#/$defs/a0", "$defs": doubled("oneOf")}), json!("x")),
        (
            "doubled and tracked",
            json!({"$ref": "#/$defs/a0", "$defs": doubled("anyOf"), "unevaluatedProperties": false}),
            wide.clone(),
        ),
        (
            "items and contains",
            json!({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}),
            deep_array.clone(),
        ),
        (
            "alternatives on a deep value",
            json!({"anyOf": [{"type": "integer"}, {"items": {"$ref": "#"}}, {"items": {"$ref": "#"}, "minItems": 1}], "type": ["array", "integer"]}),
            nested(120, |inner| json!([inner]), json!("x")),
        ),
        (
            "unevaluated in a nest",
            nested(
                60,
                |inner| json!({"allOf": [inner], "unevaluatedProperties": false, "properties": {"a": true}}),
                json!({}),
            ),
            json!({"a": 1}),
        ),
        (
            "unevaluated and recursive",
            json!({"properties": {"a": {"$ref": "#"}}, "allOf": [{"properties": {"a": {"$ref": "#"}}}], "unevaluatedProperties": false}),
            deep_object.clone(),
        ),
        (
            "unevaluated items",
            json!({"contains": {"$ref": "#"}, "unevaluatedItems": {"$ref": "#"}}),
            deep_array.clone(),
        ),
        (
            "dynamic and deep",
            json!({"$dynamicAnchor": "n", "properties": {"a": {"anyOf": [{"$dynamicRef": "#n"}, {"$dynamicRef": "#n"}]}}}),
            deep_object.clone(),
        ),
        (
            "many for each",
            json!({"items": {"allOf": vec![json!({"not": {"const": -1}}); 4_000]}}),
            numbers.clone(),
        ),
        (
            "a large enum",
            json!({"items": {"enum": (0..12_000).map(|n| json!([n])).collect::<Vec<_>>()}}),
            objects.clone(),
        ),
        (
            "a large const",
            json!({"items": {"const": "x".repeat(90_000)}}),
            Value::from(vec![Value::from("x".repeat(90_000)); 500]),
        ),
        ("unique", json!({"uniqueItems": true}), objects.clone()),
        (
            "unique and equal",
            json!({"items": {"uniqueItems": true}}),
            Value::from(vec![Value::from(vec![0; 1_000]); 1_000]),
        ),
        ("unique on each level", json!({"uniqueItems": true, "items": {"$ref": "#"}}), deep_array),
        ("required by each", json!({"items": {"required": requirements}}), objects.clone()),
        (
            "dependent in each",
            json!({"items": {"dependentRequired": {"a": requirements}}}),
            objects,
        ),
        ("a huge length", json!({"minLength": u64::MAX, "maxLength": 0}), long.clone()),
        ("a huge count", json!({"minContains": u64::MAX, "contains": {}}), numbers),
        (
            "names",
            json!({"propertyNames": {"allOf": vec![json!({"minLength": 1}); 3_000]}}),
            wide.clone(),
        ),
        (
            "patterns on names",
            json!({"patternProperties": (0..200).map(|n| (format!("^(a|b|k)*{n}$"), json!(true))).collect::<Map<_, _>>()}),
            wide,
        ),
        (
            "deep conditions",
            nested(
                50,
                |inner| json!({"if": inner, "then": false, "else": {"not": false}}),
                json!({"type": "null"}),
            ),
            long,
        ),
        (
            "deep and in place",
            json!({"properties": {"a": nested(40, |inner| json!({"allOf": [inner]}), json!({"$ref": "#"}))}}),
            deep_object,
        ),
        (
            "a deep schema",
            nested(120, |inner| json!({"items": inner}), json!(false)),
            json!([[[[]]]]),
        ),
    ];
    for (what, schema, value) in pairs {
        in_time(what, move || {
            if let Ok(compiled) = compile(make, &schema)
                && let Err(violations) = compiled.validate(&value)
            {
                assert!((1..=5).contains(&violations.len()));
                assert!(violations.iter().all(|v| v.expected.len() + v.got.len() < 2_000));
            }
        });
    }
}

pub(super) fn patterns_take_linear_time(make: Make) {
    for (pattern, text) in [
        ("^(a+)+$", format!("{}!", "a".repeat(50_000))),
        ("^(a|a)*$", format!("{}!", "a".repeat(50_000))),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(50_000)),
        ("(a|b)*a(a|b){15}c", "ab".repeat(100_000)),
        ("(.*)(.*)(.*)(.*)x$", "y".repeat(100_000)),
        ("[\\s\\S]{0,500}z", "y".repeat(1_000_000)),
    ] {
        let schema = json!({"pattern": pattern});
        in_time(pattern, move || {
            let compiled = compile(make, &schema).unwrap();
            assert!(compiled.validate(&json!(text)).is_err());
        });
    }
}

pub(super) fn whatever_is_generated_ends(make: Make) {
    in_time("generated", move || {
        let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
        let value =
            any_value().prop_map(|value| nested(8, |inner| json!([inner, {"a": inner}]), value));
        runner
            .run(&(any_schema(), value), |(schema, value)| {
                if let Ok(compiled) = compile(make, &schema)
                    && let Err(violations) = compiled.validate(&value)
                {
                    prop_assert!((1..=5).contains(&violations.len()));
                }
                Ok(())
            })
            .unwrap();
    });
}
