//! The registry in memory: an immutable snapshot, swapped as a whole, that listing and calling read.
//!
//! The maps are persistent (they share structure), so that the next snapshot costs O(log n) however many
//! tools there are.

use std::sync::{Arc, OnceLock};

use super::mounted::Mounts;
use crate::domain::tool::name::client_safe;
use crate::domain::tool::{Revision, ToolName, ToolRecord, ToolSchema};
use crate::ports::{CompiledSchema, SchemaCheck};

/// A compiled schema or, of a tool that came from outside, why it is none.
pub(super) type SchemaSlot = Result<Arc<dyn CompiledSchema>, String>;

/// A tool as the catalogue holds it: its record, and its schemas compiled when they are first needed.
pub struct Tool {
    record: Arc<ToolRecord>,
    input: OnceLock<SchemaSlot>,
    output: OnceLock<SchemaSlot>,
}

impl Tool {
    pub(super) fn new(record: Arc<ToolRecord>) -> Self {
        Self { record, input: OnceLock::new(), output: OnceLock::new() }
    }

    /// With schemas that are compiled already.
    pub(super) fn compiled(
        record: Arc<ToolRecord>,
        input: Option<SchemaSlot>,
        output: Option<SchemaSlot>,
    ) -> Self {
        let slot = |schema: Option<_>| schema.map_or_else(OnceLock::new, OnceLock::from);
        Self { record, input: slot(input), output: slot(output) }
    }

    /// The next revision with the same definition: what is compiled stays.
    pub(super) fn successor(&self, record: Arc<ToolRecord>) -> Self {
        Self { record, input: self.input.clone(), output: self.output.clone() }
    }

    /// The record.
    pub const fn record(&self) -> &Arc<ToolRecord> {
        &self.record
    }

    pub(super) fn input_schema(&self, checker: &dyn SchemaCheck) -> Option<&SchemaSlot> {
        compile_once(self.record.content.input_schema.as_ref(), &self.input, checker)
    }

    pub(super) fn output_schema(&self, checker: &dyn SchemaCheck) -> Option<&SchemaSlot> {
        compile_once(self.record.content.output_schema.as_ref(), &self.output, checker)
    }
}

fn compile_once<'a>(
    schema: Option<&ToolSchema>,
    slot: &'a OnceLock<SchemaSlot>,
    checker: &dyn SchemaCheck,
) -> Option<&'a SchemaSlot> {
    schema.map(|schema| slot.get_or_init(|| checker.compile(schema)))
}

/// Deletions in one of the two maps of [`Deleted`]. More than a store announces before it says that everything
/// is to be read again, so that an event that is later than these is followed by the one that puts it right.
const DELETIONS: usize = 4_096;

/// Last revisions of the names that were deleted last, so that a late event can't bring one back. Two maps, of which the
/// older is forgotten when the newer is full.
#[derive(Clone, Default)]
struct Deleted {
    newer: imbl::HashMap<ToolName, Revision>,
    older: imbl::HashMap<ToolName, Revision>,
}

impl Deleted {
    fn get(&self, name: &ToolName) -> Option<Revision> {
        self.newer.get(name).or_else(|| self.older.get(name)).copied()
    }

    fn insert(&mut self, name: ToolName, revision: Revision) {
        if self.newer.len() >= DELETIONS {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(name, revision);
    }

    fn remove(&mut self, name: &ToolName) {
        self.newer.remove(name);
        self.older.remove(name);
    }
}

/// The registry at one moment. Cheap to clone.
#[derive(Clone, Default)]
pub struct Snapshot {
    version: u64,
    tools: imbl::OrdMap<ToolName, Arc<Tool>>,
    /// By client-safe spelling; of names that collide, the first one in order.
    spellings: imbl::HashMap<String, ToolName>,
    deleted: Deleted,
    corrupt: imbl::HashMap<String, Arc<str>>,
    mounts: Mounts,
}

impl Snapshot {
    /// Grows with every change. Two snapshots of one process with the same version are the same.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many tools there are, disabled ones included.
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// Every tool, sorted by name, disabled ones included.
    pub fn tools(&self) -> impl Iterator<Item = &Arc<Tool>> {
        self.tools.values()
    }

    /// By documented name or client-safe spelling.
    pub fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.get(name).or_else(|| self.tools.get(self.spellings.get(name)?))
    }

    /// By documented name alone.
    pub fn exactly(&self, name: &ToolName) -> Option<&Arc<Tool>> {
        self.tools.get(name)
    }

    /// Why the record of this name can't be served, if that is so.
    pub fn corrupt(&self, name: &str) -> Option<&str> {
        self.corrupt.get(name).map(AsRef::as_ref)
    }

    /// Tools of other servers.
    pub const fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// The documented name of what clients call by `name`, dynamic or mounted. A dynamic tool comes first: only
    /// one that came from outside can have the name of a mounted one.
    pub fn documented(&self, name: &str) -> Option<&ToolName> {
        let dynamic = self.find(name).map(|tool| &tool.record().name);
        dynamic.or_else(|| self.mounts.find(name).map(|tool| &tool.mounted().name))
    }

    pub(super) fn with_mounts(&self, mounts: Mounts) -> Self {
        Self { version: self.version + 1, mounts, ..self.clone() }
    }

    pub(super) fn spelled_like(&self, name: &ToolName) -> Option<&ToolName> {
        self.spellings.get(&name.client_safe()).filter(|other| *other != name)
    }

    pub(super) fn last_deleted(&self, name: &ToolName) -> Option<Revision> {
        self.deleted.get(name)
    }

    /// Everything anew; nothing where that is what is here already.
    pub(super) fn rebuild(
        &self,
        tools: Vec<Arc<Tool>>,
        corrupt: Vec<(String, String)>,
    ) -> Option<Self> {
        let mounts = self.mounts.clone();
        let mut next = Self { version: self.version + 1, mounts, ..Self::default() };
        for tool in tools {
            next.insert(tool);
        }
        next.corrupt =
            corrupt.into_iter().map(|(name, reason)| (name, Arc::from(reason))).collect();
        let same = next.tools.len() == self.tools.len()
            && next.tools.values().zip(self.tools.values()).all(|(new, old)| Arc::ptr_eq(new, old));
        (!same || next.corrupt != self.corrupt).then_some(next)
    }

    /// With this tool, unless what is here is as new already.
    pub(super) fn with(&self, tool: Arc<Tool>) -> Option<Self> {
        let record = tool.record();
        let newest = self.tools.get(&record.name).map(|tool| tool.record().revision);
        let newest = newest.max(self.last_deleted(&record.name));
        if newest.is_some_and(|newest| newest >= record.revision) {
            return None;
        }
        let mut next = self.clone();
        next.version += 1;
        next.deleted.remove(&record.name);
        next.corrupt.remove(record.name.as_str());
        next.insert(tool);
        Some(next)
    }

    /// Without this tool, which was deleted at `seen`, unless what is here is newer.
    pub(super) fn without(&self, name: &ToolName, seen: Revision) -> Option<Self> {
        let newest = self.tools.get(name)?.record().revision;
        if newest > seen {
            return None;
        }
        let mut next = self.clone();
        next.version += 1;
        next.tools.remove(name);
        next.deleted.insert(name.clone(), seen);
        let safe = name.client_safe();
        if next.spellings.get(&safe) == Some(name) {
            next.spellings.remove(&safe);
            // Rare: names that came from outside can share a spelling.
            let heir = next.tools.keys().find(|other| client_safe(other.as_str()) == safe).cloned();
            if let Some(heir) = heir {
                next.spellings.insert(safe, heir);
            }
        }
        Some(next)
    }

    fn insert(&mut self, tool: Arc<Tool>) {
        let name = tool.record().name.clone();
        let spelled = self.spellings.entry(name.client_safe()).or_insert_with(|| name.clone());
        if *spelled > name {
            *spelled = name.clone();
        }
        self.tools.insert(name, tool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_deletions_are_known_and_no_more_than_those() {
        let mut deleted = Deleted::default();
        let name = |number| ToolName::parse_external(&format!("a.tool{number}")).unwrap();
        for number in 0..DELETIONS * 3 {
            deleted.insert(name(number), Revision::FIRST);
        }
        assert!(deleted.newer.len() + deleted.older.len() <= DELETIONS * 2);
        for number in DELETIONS * 2..DELETIONS * 3 {
            assert_eq!(deleted.get(&name(number)), Some(Revision::FIRST));
        }
        deleted.remove(&name(DELETIONS * 3 - 1));
        assert_eq!(deleted.get(&name(DELETIONS * 3 - 1)), None);
    }
}
