//! The file store's rows, read and changed behind its back.

use std::path::Path;

use redb::{ConcurrencyMode, Database, ReadableTable as _, TableDefinition};

const TOOLS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("tools");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The database as the store opens it.
pub(crate) fn database(path: &Path) -> Database {
    Database::builder().set_concurrency_mode(ConcurrencyMode::MultiWriter).open(path).unwrap()
}

/// Changes the JSON of a live tool's row.
pub(crate) fn alter(path: &Path, name: &str, change: impl FnOnce(String) -> String) {
    let database = database(path);
    let txn = database.begin_write().unwrap();
    {
        let mut tools = txn.open_table(TOOLS).unwrap();
        let (revision, row) = {
            let row = tools.get(name).unwrap().unwrap();
            let (revision, row) = row.value();
            (revision, String::from_utf8(row.to_vec()).unwrap())
        };
        let changed = change(row.clone());
        assert_ne!(changed, row, "the row was to be changed");
        tools.insert(name, (revision, changed.as_bytes())).unwrap();
    }
    txn.commit().unwrap();
}

/// Puts a row as it is.
pub(crate) fn put(path: &Path, name: &str, revision: u64, row: &[u8]) {
    let database = database(path);
    let txn = database.begin_write().unwrap();
    txn.open_table(TOOLS).unwrap().insert(name, (revision, row)).unwrap();
    txn.commit().unwrap();
}

/// Makes the file one of another schema.
pub(crate) fn set_schema(path: &Path, schema: u64) {
    let database = database(path);
    let txn = database.begin_write().unwrap();
    txn.open_table(META).unwrap().insert("schema", schema).unwrap();
    txn.commit().unwrap();
}
