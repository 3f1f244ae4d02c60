//! Older dialects of JSON Schema, brought to 2020-12 when a schema is given.
//!
//! Drafts 4, 6, 7 and 2019-09, named by `$schema`, are rewritten: only where a schema can stand, so that
//! data which looks like a schema stays as it is. A schema that names 2020-12, or nothing, is not touched.

use serde_json::{Map, Value};

use super::SchemaError;
use super::pointer;
use super::positions::{Position, position};

/// The dialect that everything is brought to.
pub(super) const CURRENT: &str = "https://json-schema.org/draft/2020-12/schema";

/// An older dialect, in the order of their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Four,
    Six,
    Seven,
    Of2019,
}

/// Brings a schema to 2020-12.
pub(super) fn normalise(schema: Map<String, Value>) -> Result<Map<String, Value>, SchemaError> {
    match schema.get("$schema").map(named).transpose()?.flatten() {
        None => Ok(schema),
        Some(draft) => {
            let root = Value::Object(schema);
            let scope = Scope { draft, resource: &root };
            match rewrite(&root, scope)? {
                Value::Object(mut new) => {
                    // The rewriting takes `$schema` out everywhere; the whole says what it is now.
                    new.shift_insert(0, "$schema".to_owned(), Value::from(CURRENT));
                    Ok(new)
                }
                _ => Err(SchemaError::NotAnObject),
            }
        }
    }
}

/// The older dialect that a `$schema` names; `None` for the current one.
fn named(uri: &Value) -> Result<Option<Draft>, SchemaError> {
    let unknown = || SchemaError::Dialect(uri.to_string().chars().take(120).collect());
    let uri = uri.as_str().ok_or_else(unknown)?;
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    match rest.ok_or_else(unknown)?.trim_end_matches('#') {
        "json-schema.org/draft/2020-12/schema" => Ok(None),
        "json-schema.org/draft/2019-09/schema" => Ok(Some(Draft::Of2019)),
        "json-schema.org/draft-07/schema" => Ok(Some(Draft::Seven)),
        "json-schema.org/draft-06/schema" => Ok(Some(Draft::Six)),
        "json-schema.org/draft-04/schema" => Ok(Some(Draft::Four)),
        _ => Err(unknown()),
    }
}

/// Where a subschema stands.
#[derive(Clone, Copy)]
struct Scope<'s> {
    draft: Draft,
    /// The root of the schema resource, from which its references count.
    resource: &'s Value,
}

fn rewrite(schema: &Value, above: Scope<'_>) -> Result<Value, SchemaError> {
    let Value::Object(old) = schema else { return Ok(schema.clone()) };
    let draft = match old.get("$schema").map(named).transpose()? {
        Some(None) => return Ok(schema.clone()),
        Some(Some(draft)) => draft,
        None => above.draft,
    };
    let id = old.get(if draft == Draft::Four { "id" } else { "$id" }).and_then(Value::as_str);
    let resource = if id.is_some_and(|id| !id.starts_with('#')) { schema } else { above.resource };
    let scope = Scope { draft, resource };
    let mut new = Map::new();
    for (keyword, value) in old {
        if draft <= Draft::Seven && old.contains_key("$ref") && !stands_beside_ref(keyword) {
            continue;
        }
        keyword_into(&mut new, old, keyword, value, scope)?;
    }
    Ok(Value::Object(new))
}

/// Up to draft 7 a `$ref` silences what stands beside it, but for what is only looked up or shown.
fn stands_beside_ref(keyword: &str) -> bool {
    matches!(
        keyword,
        "$ref" | "definitions" | "title" | "description" | "default" | "examples" | "$comment"
    )
}

fn keyword_into(
    new: &mut Map<String, Value>,
    old: &Map<String, Value>,
    keyword: &str,
    value: &Value,
    scope: Scope<'_>,
) -> Result<(), SchemaError> {
    let early = scope.draft <= Draft::Seven;
    let mut put = |name: &str, value: Value| {
        new.insert(name.to_owned(), value);
    };
    match (keyword, value) {
        ("$schema" | "$recursiveAnchor", _) => {
            if keyword == "$recursiveAnchor" && value == &Value::Bool(true) {
                put("$dynamicAnchor", Value::from(RECURSIVE));
            }
        }
        ("id", Value::String(id)) if scope.draft == Draft::Four => identify(new, id),
        ("$id", Value::String(id)) if early => identify(new, id),
        ("$ref", Value::String(reference)) => {
            put("$ref", Value::from(pointer::rewrite(reference, scope.resource, early)));
        }
        ("$recursiveRef", _) if scope.draft == Draft::Of2019 => {
            let open = scope.resource.get("$recursiveAnchor") == Some(&Value::Bool(true));
            if open {
                put("$dynamicRef", Value::from(format!("#{RECURSIVE}")));
            } else {
                put("$ref", Value::from("#"));
            }
        }
        ("definitions", Value::Object(_)) if early => {
            let definitions = map(value, scope)?;
            merge(new, "$defs", definitions);
        }
        ("dependencies", Value::Object(dependencies)) if early => {
            depend(new, dependencies, scope)?;
        }
        ("items", Value::Array(_)) => put("prefixItems", list(value, scope)?),
        // Without an array of `items` it says nothing.
        ("additionalItems", _) => {
            if matches!(old.get("items"), Some(Value::Array(_))) {
                put("items", rewrite(value, scope)?);
            }
        }
        ("minimum" | "maximum", _) if scope.draft == Draft::Four => {
            let exclusive =
                if keyword == "minimum" { "exclusiveMinimum" } else { "exclusiveMaximum" };
            let name =
                if old.get(exclusive) == Some(&Value::Bool(true)) { exclusive } else { keyword };
            put(name, value.clone());
        }
        ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) if scope.draft == Draft::Four => {
        }
        _ => match position(keyword) {
            Some(Position::One) => add(new, keyword, rewrite(value, scope)?),
            Some(Position::List) => add(new, keyword, list(value, scope)?),
            Some(Position::Map) => merge(new, keyword, map(value, scope)?),
            None => add(new, keyword, value.clone()),
        },
    }
    Ok(())
}

/// The anchor that stands for `$recursiveAnchor: true`.
const RECURSIVE: &str = "recursive";

/// Up to draft 7 an identifier could be, or end in, a plain name for the place.
fn identify(new: &mut Map<String, Value>, id: &str) {
    let (uri, anchor) = id.split_once('#').unwrap_or((id, ""));
    if !uri.is_empty() {
        new.insert("$id".to_owned(), Value::from(uri));
    }
    if !anchor.is_empty() {
        new.insert("$anchor".to_owned(), Value::from(anchor));
    }
}

/// Adds a keyword, unless an older one was turned into it already.
fn add(new: &mut Map<String, Value>, keyword: &str, value: Value) {
    new.entry(keyword).or_insert(value);
}

/// One keyword became two.
fn depend(
    new: &mut Map<String, Value>,
    dependencies: &Map<String, Value>,
    scope: Scope<'_>,
) -> Result<(), SchemaError> {
    let (mut required, mut schemas) = (Map::new(), Map::new());
    for (name, needs) in dependencies {
        match needs {
            Value::Array(_) => required.insert(name.clone(), needs.clone()),
            // Draft 3 and hand-written schemas have a single name.
            Value::String(_) => required.insert(name.clone(), Value::from(vec![needs.clone()])),
            _ => schemas.insert(name.clone(), rewrite(needs, scope)?),
        };
    }
    for (keyword, members) in [("dependentRequired", required), ("dependentSchemas", schemas)] {
        if !members.is_empty() {
            merge(new, keyword, Value::Object(members));
        }
    }
    Ok(())
}

/// Adds members to a keyword that may be there already; what is there stays.
fn merge(new: &mut Map<String, Value>, keyword: &str, members: Value) {
    match (new.get_mut(keyword), members) {
        (Some(Value::Object(there)), Value::Object(members)) => {
            for (name, member) in members {
                there.entry(name).or_insert(member);
            }
        }
        (_, members) => {
            new.insert(keyword.to_owned(), members);
        }
    }
}

fn list(value: &Value, scope: Scope<'_>) -> Result<Value, SchemaError> {
    match value {
        Value::Array(schemas) => schemas
            .iter()
            .map(|schema| rewrite(schema, scope))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        _ => Ok(value.clone()),
    }
}

fn map(value: &Value, scope: Scope<'_>) -> Result<Value, SchemaError> {
    match value {
        Value::Object(schemas) => schemas
            .iter()
            .map(|(name, schema)| Ok((name.clone(), rewrite(schema, scope)?)))
            .collect::<Result<_, SchemaError>>()
            .map(Value::Object),
        _ => Ok(value.clone()),
    }
}
