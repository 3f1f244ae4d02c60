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
    let object = |object: Option<CstObject>, what: &str| {
        object.ok_or_else(|| format!("{what} is something else than an object"))
    };
    let top = object(root.object_value_or_create(), "what is in it")?;
    let servers = object(top.object_value_or_create(table), &format!("'{table}' in it"))?;
    let server = object(servers.object_value_or_create(name), &format!("'{table}.{name}' in it"))?;
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
