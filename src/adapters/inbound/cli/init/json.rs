//! Merging an entry into JSON as editors write it: with comments, trailing commas and somebody's own
//! indentation, all of which stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value;

use super::{Entry, Field};

/// `text` with `entry` under `table` and `name`.
pub(super) fn merge(text: &str, table: &str, name: &str, entry: &Entry) -> Result<String, String> {
    // Editors on Windows may begin a file with a byte order mark.
    let (mark, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    };
    let root =
        CstRootNode::parse(text, &options()).map_err(|error| format!("it is not JSON: {error}"))?;
    let no_object = |what: &str| format!("{what} is something else than an object");
    let below = |parent: &CstObject, name: &str, path: &str| {
        refuse_twice(parent, name, path)?;
        let object = parent.object_value_or_create(name);
        object.ok_or_else(|| no_object(&format!("'{path}' in it")))
    };
    let top = root.object_value_or_create().ok_or_else(|| no_object("what is in it"))?;
    let path = format!("{table}.{name}");
    let server = below(&below(&top, table, table)?, name, &path)?;
    for field in entry.not.iter().copied().chain(entry.fields.iter().map(|(field, _)| *field)) {
        refuse_twice(&server, field, &format!("{path}.{field}"))?;
    }
    for field in entry.not {
        if let Some(property) = server.get(field) {
            property.remove();
        }
    }
    for (name, field) in &entry.fields {
        let value = value(field);
        match server.get(name) {
            Some(property) if property.to_serde_value().as_ref() == Some(&plain(field)) => {}
            Some(property) => property.set_value(value),
            None => drop(server.append(name, value)),
        }
    }
    Ok(format!("{mark}{}", with_newline(&root.to_string())))
}

/// Refuses a member that is there twice. Readers take one of the two, most of them the last, and what is merged
/// into the other is lost.
fn refuse_twice(object: &CstObject, name: &str, path: &str) -> Result<(), String> {
    let names = object.properties().into_iter().filter_map(|property| property.name());
    let same = names.filter(|other| other.decoded_value().is_ok_and(|other| other == name));
    if same.count() > 1 {
        return Err(format!("'{path}' is in it more than once: leave one of them"));
    }
    Ok(())
}

/// JSON with comments and trailing commas, and nothing looser: what is odder was not meant.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn value(field: &Field) -> CstInputValue {
    match field {
        Field::Text(text) => CstInputValue::String(text.clone()),
        Field::List(list) => {
            CstInputValue::Array(list.iter().cloned().map(CstInputValue::String).collect())
        }
    }
}

fn plain(field: &Field) -> Value {
    match field {
        Field::Text(text) => text.as_str().into(),
        Field::List(list) => list.as_slice().into(),
    }
}

fn with_newline(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}
