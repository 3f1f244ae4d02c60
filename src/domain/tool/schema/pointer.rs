//! References into a schema whose keywords are being renamed: the same place under its new name.

use serde_json::Value;

use super::positions::{Position, position};

/// What the next token of a pointer stands in.
#[derive(Clone, Copy)]
enum At {
    /// A schema: the token is a keyword.
    Schema,
    /// An object or array of schemas: the token is a name or an index.
    Schemas,
    /// Anything else, where nothing is renamed.
    Data,
}

/// Renames the keywords that a reference with a JSON pointer goes through. `resource`: what the pointer
/// counts from. `early`: whether `definitions` and `dependencies` are renamed too, as up to draft 7.
///
/// A reference into another resource has only `definitions` renamed at its start: what it goes through is
/// not known here.
pub(super) fn rewrite(reference: &str, resource: &Value, early: bool) -> String {
    let Some((uri, fragment)) = reference.split_once('#') else { return reference.to_owned() };
    let Some(path) = fragment.strip_prefix('/') else { return reference.to_owned() };
    let mut place = uri.is_empty().then_some(resource);
    let mut at = At::Schema;
    let mut new = String::new();
    for token in path.split('/') {
        let name = token.replace("~1", "/").replace("~0", "~");
        let (renamed, next) = match at {
            At::Schema => keyword(&name, place, early),
            At::Schemas => (None, At::Schema),
            At::Data => (None, At::Data),
        };
        new.push('/');
        new.push_str(renamed.unwrap_or(token));
        at = next;
        place = place.and_then(|place| match place {
            Value::Object(members) => members.get(&name),
            Value::Array(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        });
    }
    format!("{uri}#{new}")
}

/// The new name of a keyword, if it has one, and what the token after it stands in.
fn keyword(name: &str, schema: Option<&Value>, early: bool) -> (Option<&'static str>, At) {
    let value = schema.and_then(|schema| schema.get(name));
    let tuple = |value: Option<&Value>| matches!(value, Some(Value::Array(_)));
    match name {
        "definitions" if early => (Some("$defs"), At::Schemas),
        "dependencies" if early => (Some("dependentSchemas"), At::Schemas),
        "items" if tuple(value) => (Some("prefixItems"), At::Schemas),
        "additionalItems" if tuple(schema.and_then(|schema| schema.get("items"))) => {
            (Some("items"), At::Schema)
        }
        _ => match position(name) {
            Some(Position::One) => (None, At::Schema),
            Some(Position::List | Position::Map) => (None, At::Schemas),
            None => (None, At::Data),
        },
    }
}
