//! Properties of a tool's life: drafts, patches, revisions, digests and what is stored.

use chrono::{DateTime, TimeZone as _, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::permissions::Origin;
use super::record::Edit;
use super::*;
use crate::domain::Actor;

fn policy() -> ToolPolicy {
    let images = crate::domain::image::AllowedImages::new(vec![]);
    let mut policy = ToolPolicy { images, ..ToolPolicy::default() };
    policy.ceiling.net = vec![Origin::parse("https://*.example.com").unwrap()];
    policy.ceiling.secrets = ["KEY".to_owned()].into();
    policy
}

fn draft(fields: &Value) -> ToolDraft {
    let mut draft = json!({"name": "text.upper", "description": "d", "code": "return 1"});
    draft.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(draft).unwrap()
}

fn content(fields: &Value) -> ToolContent {
    draft(fields).check(&policy()).unwrap().1
}

fn full() -> ToolContent {
    content(&json!({
        "title": "T", "inputSchema": {"type": "object", "properties": {"b": {}, "a": {}}},
        "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "title": "t"},
        "icons": [{"src": "data:image/png;base64,AA==", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"}],
        "tags": ["a"], "engine": "docker", "image": "python:3", "timeoutMs": 5000,
        "dependencies": [{"name": "zod", "version": "3.0.0"}],
        "permissions": {"net": ["https://api.example.com"], "tools": ["text.*"],
                        "secrets": [{"name": "KEY", "hosts": ["https://api.example.com"]}]},
        "examples": [{"name": "e", "args": {"a": 1}, "result": null}],
    }))
}

fn patch(fields: Value) -> ToolPatch {
    serde_json::from_value(fields).unwrap()
}

fn edit(at: DateTime<Utc>, change: Change) -> Edit {
    Edit { actor: Actor::Local, at, change }
}

fn record() -> ToolRecord {
    let at = Utc.timestamp_opt(1_700_000_000, 123_456_789).unwrap();
    let name = ToolName::parse("text.upper").unwrap();
    ToolRecord::create(name, full(), true, EngineKind::Docker, None, edit(at, Change::Create))
}

/// A value for each field of a patch that differs from the one in [`full`], and whether the digest covers it.
fn changes() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("title", json!("U"), false),
        ("description", json!("e"), false),
        ("code", json!("return 2"), true),
        ("inputSchema", json!({"type": "object"}), true),
        ("outputSchema", json!({"type": "object", "minProperties": 1}), true),
        ("annotations", json!({"readOnlyHint": false}), false),
        ("icons", json!([]), false),
        ("tags", json!(["a", "b"]), false),
        ("engine", json!("auto"), true),
        ("image", json!("node:22"), true),
        ("dependencies", json!([{"name": "zod", "version": "3.0.1"}]), true),
        ("timeoutMs", json!(5001), true),
        ("permissions", json!({"tools": ["text.*"]}), true),
        ("examples", json!([{"args": 1}]), false),
    ]
}

#[test]
fn the_digest_covers_what_affects_behaviour_and_nothing_else() {
    let old = full();
    for (field, value, covered) in changes() {
        let (new, enabled) = patch(json!({field: value})).apply(&old, true, &policy()).unwrap();
        assert!(enabled && new != old, "{field}");
        assert_eq!(Digest::of(&new) != Digest::of(&old), covered, "{field}");
    }
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_keys() {
    let other = json!({"properties": {"a": {}, "b": {}}, "type": "object"});
    let (new, _) = patch(json!({"inputSchema": other})).apply(&full(), true, &policy()).unwrap();
    assert_eq!(Digest::of(&new), Digest::of(&full()));
}

#[test]
fn a_patch_changes_its_own_fields_only() {
    let old = serde_json::to_value(full()).unwrap();
    for (field, value, _) in changes() {
        let (new, _) = patch(json!({field: value})).apply(&full(), true, &policy()).unwrap();
        let new = serde_json::to_value(new).unwrap();
        for (name, _, _) in changes() {
            assert_eq!(new.get(name) == old.get(name), name != field, "{field}: {name}");
        }
    }
    let (same, enabled) = patch(json!({"enabled": false})).apply(&full(), true, &policy()).unwrap();
    assert!(same == full() && !enabled);
}

#[test]
fn null_clears_what_is_optional() {
    let bare = content(&json!({}));
    let mut now = full();
    for (field, _, _) in changes() {
        let result = patch(json!({field: null})).apply(&now, true, &policy());
        if matches!(field, "description" | "code") {
            assert_eq!(result, Err(InvalidTool::NotClearable(field)));
        } else {
            now = result.unwrap().0;
        }
    }
    assert_eq!(now, bare);
    let refused = patch(json!({"enabled": null})).apply(&now, true, &policy());
    assert_eq!(refused, Err(InvalidTool::NotClearable("enabled")));
    assert_eq!(patch(json!({})).apply(&now, true, &policy()), Err(InvalidTool::EmptyPatch));
    for unknown in [json!({"name": "x.y.z"}), json!({"timeout": 1}), json!({"revision": 1})] {
        assert!(serde_json::from_value::<ToolPatch>(unknown).is_err());
    }
}

#[test]
fn the_limits_hold_at_their_edges() {
    let text = |chars: usize| json!("ü".repeat(chars));
    let many = |count: usize, item: Value| Value::from(vec![item; count]);
    let packages = |count: usize| -> Value {
        (0..count).map(|n| json!({"name": format!("p{n}"), "version": "1"})).collect()
    };
    let icon = |fields: Value| {
        let mut icon = json!({"src": "https://example.com/i.png"});
        icon.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!([icon])
    };
    let table = [
        ("title", vec![text(1), text(120)], vec![text(0), text(121)]),
        ("description", vec![text(4_000)], vec![text(0), text(4_001)]),
        ("code", vec![text(200_000)], vec![text(0), text(200_001)]),
        (
            "tags",
            vec![many(32, text(64))],
            vec![many(33, text(1)), many(1, text(65)), many(1, text(0))],
        ),
        (
            "timeoutMs",
            vec![json!(1_000), json!(120_000)],
            vec![json!(999), json!(120_001), json!(u64::MAX)],
        ),
        ("dependencies", vec![packages(32)], vec![packages(33)]),
        (
            "annotations",
            vec![json!({"title": "t"})],
            vec![json!({"title": text(121)}), json!({"title": ""})],
        ),
        (
            "examples",
            vec![many(32, json!({"args": {}}))],
            vec![
                many(33, json!({"args": {}})),
                json!([{"args": text(40_000)}]),
                json!([{"args": 1, "name": ""}]),
            ],
        ),
        (
            "icons",
            vec![icon(json!({"sizes": ["any", "16x16"], "mimeType": "image/svg+xml"}))],
            vec![
                icon(json!({"src": "http://example.com/i.png"})),
                icon(json!({"src": "javascript:alert(1)"})),
                icon(json!({"src": "data:text/html,x"})),
                icon(json!({"mimeType": "text/html"})),
                icon(json!({"sizes": ["48"]})),
                icon(json!({"sizes": ["1x"]})),
                icon(json!({"sizes": many(17, json!("any"))})),
                many(9, icon(json!({}))[0].clone()),
            ],
        ),
        ("image", vec![json!("node:22")], vec![json!("--privileged"), json!("")]),
        (
            "permissions",
            vec![json!({"net": ["https://a.example.com"]})],
            vec![json!({"net": ["https://a.example.org"]}), json!({"tools": [""]})],
        ),
    ];
    for (field, good, bad) in table {
        for value in good {
            let checked = draft(&json!({field: value})).check(&policy());
            assert!(checked.is_ok(), "{field}: {checked:?}");
        }
        for value in bad {
            let refused = draft(&json!({field: value.clone()})).check(&policy()).unwrap_err();
            let patched = patch(json!({field: value})).apply(&full(), true, &policy());
            assert_eq!(patched.unwrap_err(), refused, "{field}");
            assert!(refused.to_string().chars().count() < 400, "{refused}");
        }
    }
}

#[test]
fn the_operator_may_allow_more_dependencies_but_no_definition_has_more_than_64() {
    let mut policy = policy();
    policy.dependencies.max = 256;
    let packages = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({"name": format!("p{n}"), "version": "1"})).collect()
    };
    assert!(draft(&json!({"dependencies": packages(64)})).check(&policy).is_ok());
    assert!(draft(&json!({"dependencies": packages(65)})).check(&policy).is_err());
}

#[test]
fn dependencies_do_not_go_with_the_embedded_engine() {
    let dependencies = json!([{"name": "zod", "version": "1"}]);
    let refused =
        draft(&json!({"dependencies": dependencies, "engine": "embedded"})).check(&policy());
    assert_eq!(refused.unwrap_err(), InvalidTool::DependenciesNeedDocker);
    let old = content(&json!({"engine": "embedded"}));
    let refused = patch(json!({"dependencies": dependencies})).apply(&old, true, &policy());
    assert_eq!(refused.unwrap_err(), InvalidTool::DependenciesNeedDocker);
}

#[test]
fn a_record_is_the_same_after_it_was_stored() {
    let record = record();
    let stored = serde_json::to_string(&record).unwrap();
    let read: ToolRecord = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, record);
    assert_eq!(read.verify(), Ok(()));
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    assert_eq!(serde_json::to_value(&read).unwrap()["createdAt"], "2023-11-14T22:13:20.123Z");
}

#[test]
fn a_record_with_another_definition_fails_its_digest() {
    let mut stored = serde_json::to_value(record()).unwrap();
    stored["code"] = json!("return steal()");
    let read: ToolRecord = serde_json::from_value(stored).unwrap();
    assert!(read.verify().is_err());
}

#[test]
fn a_stored_record_breaks_no_rule_of_type() {
    let whole = serde_json::to_value(record()).unwrap();
    for (field, bad) in [
        ("name", json!("a b")),
        ("revision", json!(0)),
        ("revision", json!(-1)),
        ("image", json!("--rm")),
        ("createdAt", json!("yesterday")),
        ("engine", json!("node")),
        ("code", Value::Null),
    ] {
        let mut broken = whole.clone();
        broken[field] = bad;
        assert!(serde_json::from_value::<ToolRecord>(broken).is_err(), "{field}");
    }
}

proptest! {
    #[test]
    fn revisions_only_grow(steps in prop::collection::vec((0_u8..4, any::<bool>(), -5_i64..5), 1..40)) {
        let start = Utc.timestamp_opt(1_700_000_000, 0).unwrap();
        let mut now = record();
        let mut seen = vec![now.revision];
        for (step, stale, skew) in steps {
            let before = now.clone();
            let at = start + chrono::TimeDelta::seconds(skew);
            let expected = if stale { Expected::from(Revision::new(now.revision.get() + 1)) }
                else { Expected::Exactly(now.revision) };
            let next = match step {
                0 => now.set_enabled(!now.enabled, expected, edit(at, Change::Disable)),
                1 => {
                    let changed = patch(json!({"code": format!("return {skew}")}))
                        .apply(&now.content, now.enabled, &policy()).unwrap().0;
                    now.revise(changed, true, EngineKind::Docker, expected, edit(at, Change::Update))
                }
                // Deleted and created again.
                _ if stale => expected.check(now.revision).map(|()| now.clone()),
                _ => Ok(ToolRecord::create(now.name.clone(), full(), true, EngineKind::Docker,
                    Some(now.revision), edit(at, Change::Create))),
            };
            if stale {
                let conflict = next.unwrap_err();
                prop_assert_eq!(conflict.actual, before.revision);
                prop_assert_eq!(&now, &before);
                continue;
            }
            now = next.unwrap();
            prop_assert_eq!(now.revision, before.revision.next());
            prop_assert!(!seen.contains(&now.revision));
            prop_assert!(step > 1 || now.updated_at >= before.updated_at);
            prop_assert_eq!(now.verify(), Ok(()));
            seen.push(now.revision);
        }
    }

    #[test]
    fn whatever_a_draft_says_it_is_accepted_or_refused_in_words(
        field in prop::sample::select(vec!["title", "description", "code", "image", "tags", "timeoutMs", "name",
            "engine", "inputSchema", "icons", "dependencies", "permissions", "examples", "annotations"]),
        value in prop_oneof![
            Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!([[]])), any::<i64>().prop_map(Value::from),
            "(?s).{0,50}".prop_map(Value::from), "(?s).{0,9}".prop_map(|text| json!([text])),
            "(?s).{0,9}".prop_map(|text| json!({"net": [text.clone()], "tools": [text]})),
            "(?s).{0,9}".prop_map(|text| json!([{"name": text.clone(), "version": text}])),
        ],
    ) {
        let mut fields = json!({"name": "text.upper", "description": "d", "code": "return 1"});
        fields[field] = value;
        if let Ok(draft) = serde_json::from_value::<ToolDraft>(fields)
            && let Err(refused) = draft.check(&policy())
        {
            prop_assert!(!refused.to_string().is_empty());
        }
    }
}
