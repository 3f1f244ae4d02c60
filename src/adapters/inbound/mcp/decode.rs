//! Arguments into a tool's input type; what does not fit is said with its place and what is allowed.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::strict::Strict;
use crate::app::AppError;
use crate::domain::text::pointer_token;

/// Longest piece of a caller's own text in a message.
const MAX_ECHO: usize = 80;

/// What a message about an unknown field begins with.
const NO_FIELD: &str = "there is no field ";

/// How it ends where an object has no fields.
const NONE_ALLOWED: &str = "none is allowed here";

/// What a message about arguments begins with.
pub(super) const INVALID_ARGUMENTS: &str = "invalid arguments: ";

/// Reads `value` as `T`.
pub(super) fn decode<T: DeserializeOwned>(value: Value) -> Result<T, AppError> {
    decode_beside(value, None)
}

/// As [`decode`], where a field of the outermost object was taken out before: it is named among those that
/// are allowed.
pub(super) fn decode_beside<T: DeserializeOwned>(
    value: Value,
    taken: Option<&str>,
) -> Result<T, AppError> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let pointer = pointer(error.path());
        let mut sentence = sentence(&error.inner().to_string());
        // The place of an unknown field is the field itself: one step deep is in the outermost object.
        if let Some(taken) = taken
            && sentence.starts_with(NO_FIELD)
            && pointer.matches('/').count() == 1
        {
            sentence = match sentence.strip_suffix(NONE_ALLOWED) {
                Some(start) => format!("{start}allowed: {taken}"),
                None => format!("{sentence}, {taken}"),
            };
        }
        let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
        AppError::InvalidInput {
            message: format!("{INVALID_ARGUMENTS}{place}{sentence}"),
            details: Some(json!({ "pointer": pointer })),
        }
    })
}

/// The place as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => clip(&pointer_token(key)),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// serde's message in words for people who don't know Rust, without the value itself.
fn sentence(message: &str) -> String {
    if let Some((got, expected)) = mismatch(message) {
        return format!("expected {}, got {got}", expectation(expected));
    }
    if let Some(rest) = message.strip_prefix("missing field `") {
        return format!("the field '{}' is required", rest.trim_end_matches('`'));
    }
    if let Some((name, allowed)) = unknown(message, "unknown field `") {
        return format!("{NO_FIELD}'{name}'; {allowed}");
    }
    if let Some((name, allowed)) = unknown(message, "unknown variant `") {
        return format!("'{name}' is not one of the choices; {allowed}");
    }
    clip(message)
}

/// `invalid type: string "x", expected u64` and `invalid value: ...`.
fn mismatch(message: &str) -> Option<(&'static str, &str)> {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .or_else(|| message.strip_prefix("invalid length "))?;
    let (got, expected) = rest.rsplit_once(", expected ")?;
    let kinds = [
        ("string", "a string"),
        ("integer", "an integer"),
        ("floating point", "a number with a fraction"),
        ("boolean", "a boolean"),
        ("map", "an object"),
        ("sequence", "an array"),
        ("null", "null"),
        ("unit", "null"),
    ];
    let kind = kinds.iter().find(|(word, _)| got.starts_with(word));
    Some((kind.map_or("something else", |(_, words)| words), expected))
}

fn expectation(expected: &str) -> &str {
    match expected {
        "u64" | "u32" | "usize" => "an integer of 0 or more",
        "a nonzero u64" => "an integer of 1 or more",
        "a sequence" => "an array",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => {
            "an object"
        }
        other => other,
    }
}

/// The clipped name, and what is allowed in its place.
fn unknown<'a>(message: &'a str, prefix: &str) -> Option<(String, String)> {
    let rest: &'a str = message.strip_prefix(prefix)?;
    let (name, allowed) = match rest.rfind("`, expected ") {
        Some(at) => rest.split_at(at),
        None => (rest.split_once("`, ")?.0, ""),
    };
    let allowed = allowed.trim_start_matches("`, expected ").trim_start_matches("one of ");
    let allowed = if allowed.is_empty() {
        NONE_ALLOWED.to_owned()
    } else {
        format!("allowed: {}", allowed.replace('`', "").replace(" or ", ", "))
    };
    Some((clip(name), allowed))
}

fn clip(text: &str) -> String {
    if text.chars().count() <= MAX_ECHO {
        return text.to_owned();
    }
    text.chars().take(MAX_ECHO).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::tool::{Revision, ToolDraft};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read from")]
    struct Sample {
        tool: ToolDraft,
        expected_revision: Option<Revision>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn refused(value: Value) -> String {
        decode::<Sample>(value).unwrap_err().to_string()
    }

    fn draft(field: &str, value: Value) -> Value {
        let mut draft = json!({ "name": "abc", "description": "d", "code": "c" });
        draft[field] = value;
        json!({ "tool": draft })
    }

    #[test]
    fn names_the_place_and_what_is_allowed() {
        for (value, says) in [
            (
                draft("timeoutMs", "x".into()),
                "/tool/timeoutMs: expected an integer of 0 or more, got a string",
            ),
            (
                draft("timeoutMs", json!(-1)),
                "/tool/timeoutMs: expected an integer of 0 or more, got an integer",
            ),
            (draft("name", json!(5)), "/tool/name: expected a string, got an integer"),
            (draft("tags", json!("a")), "/tool/tags: expected an array, got a string"),
            (draft("tags", json!(["a", 1])), "/tool/tags/1: expected a string, got an integer"),
            (
                draft("permissions", json!(1)),
                "/tool/permissions: expected an object, got an integer",
            ),
            (
                draft("engine", json!("x")),
                "/tool/engine: 'x' is not one of the choices; allowed: auto, embedded, docker",
            ),
            (
                draft("dependencies", json!([{ "name": "zod" }])),
                "/tool/dependencies/0: the field 'version' is required",
            ),
            (
                draft("engine", json!({ "embedded": null })),
                "/tool/engine: expected a string, got an object",
            ),
            (
                draft("dependencies", json!([["zod", "3.0.0"]])),
                "/tool/dependencies/0: expected an object, got an array",
            ),
            (
                draft("permissions", json!([["https://a.example"]])),
                "/tool/permissions: expected an object, got an array",
            ),
            (json!({ "tool": ["abc", null, "d", "c"] }), "/tool: expected an object, got an array"),
            (json!([{ "name": "abc" }]), "invalid arguments: expected an object, got an array"),
            (json!({}), "the field 'tool' is required"),
            (json!({ "tool": 1 }), "/tool: expected an object, got an integer"),
            (
                json!({ "expectedRevision": 0 }),
                "/expectedRevision: expected an integer of 1 or more, got an integer",
            ),
        ] {
            let said = refused(value);
            assert!(said.contains(says), "{said}");
        }
        let said = refused(draft("colour", json!(1)));
        assert!(said.contains("there is no field 'colour'; allowed: name, title, "), "{said}");
        assert!(!said.contains("adminToken"), "{said}");
        let taken = Some("adminToken");
        let beside = |value| decode_beside::<Sample>(value, taken).unwrap_err().to_string();
        let said = beside(json!({ "colour": 1 }));
        assert!(said.ends_with("allowed: tool, expectedRevision, adminToken"), "{said}");
        let said = beside(draft("colour", json!(1)));
        assert!(said.contains("allowed: name, title, ") && !said.contains("adminToken"), "{said}");
        let said = decode_beside::<Nothing>(json!({ "a": 1 }), taken).unwrap_err().to_string();
        assert!(said.ends_with("there is no field 'a'; allowed: adminToken"), "{said}");
        let said = decode::<Nothing>(json!({ "a": 1 })).unwrap_err().to_string();
        assert!(said.contains("there is no field 'a'; none is allowed here"), "{said}");
    }

    #[test]
    fn echoes_little_of_what_came() {
        let long = "x".repeat(100_000);
        let unknown_name = json!({ long.as_str(): 1 });
        let unknown_choice = draft("engine", long.as_str().into());
        for value in [unknown_name, unknown_choice, draft("timeoutMs", long.into())] {
            let said = refused(value);
            assert!(said.len() < 600, "{}", said.len());
        }
    }
}
