//! The tables of the file, and what makes a file one of ours.

use redb::{Database, ReadableDatabase as _, TableDefinition, TableHandle as _, WriteTransaction};

/// Live tools: name to revision and row.
pub(super) const TOOLS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("tools");
/// Revisions that are live no more: name and revision to row.
pub(super) const HISTORY: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("history");
/// Deleted names: name to its last revision.
pub(super) const TOMBSTONES: TableDefinition<'_, &str, u64> = TableDefinition::new("tombstones");
/// The newest deletions: the generation that each made, to the name and its last revision. Older files come
/// to it with their first write.
pub(super) const DELETIONS: TableDefinition<'_, u64, (&str, u64)> =
    TableDefinition::new("deletions");
/// The newest changes: the generation that each made, to the name, its revision and whether it is live.
/// This is how one process learns what another did.
pub(super) const CHANGES: TableDefinition<'_, u64, (&str, u64, bool)> =
    TableDefinition::new("changes");
/// Facts about the file itself.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// In [`META`]: the arrangement of tables.
const SCHEMA: &str = "schema";
/// In [`META`]: how many changes were ever made.
pub(super) const GENERATION: &str = "generation";

/// The arrangement of tables that is written and read here.
pub(super) const CURRENT_SCHEMA: u64 = 1;

/// What a database turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A store that can be used.
    Ours,
    /// A store of a later release, with its schema.
    Newer(u64),
    /// Another program's.
    Foreign,
}

/// Makes every table, in the transaction that makes the file.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(TOOLS)?;
    txn.open_table(HISTORY)?;
    txn.open_table(TOMBSTONES)?;
    txn.open_table(DELETIONS)?;
    txn.open_table(CHANGES)?;
    let mut meta = txn.open_table(META)?;
    meta.insert(SCHEMA, CURRENT_SCHEMA)?;
    meta.insert(GENERATION, 0)?;
    Ok(())
}

/// Tells our files from others.
pub(super) fn kind(database: &Database) -> Result<Kind, redb::Error> {
    let txn = database.begin_read()?;
    if !txn.list_tables()?.any(|table| table.name() == META.name()) {
        return Ok(Kind::Foreign);
    }
    let Ok(meta) = txn.open_table(META) else {
        return Ok(Kind::Foreign);
    };
    Ok(match redb::ReadableTable::get(&meta, SCHEMA)?.map(|schema| schema.value()) {
        Some(CURRENT_SCHEMA) => Kind::Ours,
        Some(schema) => Kind::Newer(schema),
        None => Kind::Foreign,
    })
}
