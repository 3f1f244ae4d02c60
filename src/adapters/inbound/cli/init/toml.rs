//! Merging an entry into a TOML file: comments, order and spacing of everything else stay.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::{Entry, Field};

/// `text` with `entry` in the table `[table.name]`.
pub(super) fn merge(text: &str, table: &str, name: &str, entry: &Entry) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| format!("it is not TOML: {error}"))?;
    let mut servers = Table::new();
    // A table of tables needs no heading of its own.
    servers.set_implicit(true);
    let servers = below(document.as_table_mut(), table, servers)
        .ok_or_else(|| format!("'{table}' in it is something else than a table"))?;
    let server = below(servers, name, Table::new())
        .ok_or_else(|| format!("'{table}.{name}' in it is something else than a table"))?;
    for field in entry.not {
        server.remove(field);
    }
    for (name, field) in &entry.fields {
        let new = value(field);
        let old = server.get_mut(name).and_then(Item::as_value_mut);
        match old {
            Some(old) if same(old, field) => {}
            Some(old) => {
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
            None => drop(server.insert(name, Item::Value(new))),
        }
    }
    Ok(document.to_string())
}

fn below<'a>(
    table: &'a mut dyn TableLike,
    key: &str,
    empty: Table,
) -> Option<&'a mut dyn TableLike> {
    if table.get(key).is_none() {
        table.insert(key, Item::Table(empty));
    }
    table.get_mut(key)?.as_table_like_mut()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Text(text) => text.as_str().into(),
        Field::List(list) => Value::Array(list.iter().map(String::as_str).collect::<Array>()),
    }
}

fn same(old: &Value, field: &Field) -> bool {
    match field {
        Field::Text(text) => old.as_str() == Some(text),
        Field::List(list) => old.as_array().is_some_and(|array| {
            array.len() == list.len()
                && array.iter().zip(list).all(|(old, new)| old.as_str() == Some(new))
        }),
    }
}
