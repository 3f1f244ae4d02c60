//! What `tools/list` answers: built once a change and spelling, and shared by everybody.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rmcp::model::Tool;

use super::names::Spelling;
use super::tool::Route;
use super::{dynamic, relay};
use crate::app::Snapshot;
use crate::domain::tool::{ToolName, ToolRecord};
use crate::domain::upstream::Mounted;

/// Longest name that every client accepts.
const MAX_NAME: usize = 64;

/// One list: the built-in tools first, then the enabled dynamic tools and the mounted ones, by name.
pub(super) struct ToolList {
    version: u64,
    /// As shown.
    pub(super) tools: Vec<Tool>,
    /// Names shown that stand for another tool than the catalogue would find by them. Only tools that came
    /// from outside can be among them: their names collide with a built-in's or with each other's.
    aliases: HashMap<String, ToolName>,
}

/// The newest list of each spelling.
pub(super) struct Lists {
    documented: ArcSwapOption<ToolList>,
    client_safe: ArcSwapOption<ToolList>,
}

impl Lists {
    pub(super) const fn new() -> Self {
        Self { documented: ArcSwapOption::const_empty(), client_safe: ArcSwapOption::const_empty() }
    }

    /// The list of this snapshot.
    pub(super) fn current(
        &self,
        builtins: &[Route],
        snapshot: &Snapshot,
        spelling: Spelling,
    ) -> Arc<ToolList> {
        let slot = self.slot(spelling);
        if let Some(list) = slot.load_full().filter(|list| list.version == snapshot.version()) {
            return list;
        }
        let list = Arc::new(ToolList::build(builtins, snapshot, spelling));
        // Somebody with a newer snapshot may have been faster; theirs stays.
        slot.rcu(|old| match old {
            Some(old) if old.version > list.version => Some(Arc::clone(old)),
            _ => Some(Arc::clone(&list)),
        });
        list
    }

    /// The tool that a client means by a name it was shown, where the catalogue would find another one.
    pub(super) fn alias(&self, name: &str, spelling: Spelling) -> Option<ToolName> {
        self.slot(spelling).load().as_ref()?.aliases.get(name).cloned()
    }

    const fn slot(&self, spelling: Spelling) -> &ArcSwapOption<ToolList> {
        match spelling {
            Spelling::Documented => &self.documented,
            Spelling::ClientSafe => &self.client_safe,
        }
    }
}

impl ToolList {
    fn build(builtins: &[Route], snapshot: &Snapshot, spelling: Spelling) -> Self {
        let mut tools = Vec::with_capacity(builtins.len() + snapshot.len());
        let mut taken = HashSet::with_capacity(builtins.len() + snapshot.len());
        for route in builtins {
            // A built-in is called by either spelling, whichever is shown.
            taken.extend(Spelling::ALL.map(|spelling| spelling.of(route.name).into_owned()));
            tools.push(route.definition(spelling));
        }
        let mut aliases = HashMap::new();
        for (name, entry) in entries(snapshot) {
            let shown = free_name(&taken, spelling.of(name.as_str()).into_owned());
            let definition = match entry {
                Entry::Dynamic(record) => Some(dynamic::definition(record, shown.clone())),
                Entry::Mounted(mounted) => relay::definition(mounted, shown.clone()),
            };
            let Some(definition) = definition else { continue };
            if snapshot.documented(&shown) != Some(name) {
                aliases.insert(shown.clone(), name.clone());
            }
            taken.insert(shown);
            tools.push(definition);
        }
        Self { version: snapshot.version(), tools, aliases }
    }
}

enum Entry<'a> {
    Dynamic(&'a ToolRecord),
    Mounted(&'a Mounted),
}

/// Everything that is listed beside the built-in tools, by name. A mounted tool whose very name a dynamic one has can't
/// be called, and is left out.
fn entries(snapshot: &Snapshot) -> Vec<(&ToolName, Entry<'_>)> {
    let dynamic = snapshot.tools().map(|tool| tool.record()).filter(|record| record.enabled);
    let dynamic = dynamic.map(|record| (&record.name, Entry::Dynamic(record)));
    let mounted = snapshot.mounts().tools().map(|tool| tool.mounted());
    let mounted = mounted
        .filter(|mounted| snapshot.exactly(&mounted.name).is_none())
        .map(|mounted| (&mounted.name, Entry::Mounted(mounted)));
    let mut entries: Vec<_> = dynamic.chain(mounted).collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries
}

/// The name itself or, if it is taken, with the first suffix that is free.
fn free_name(taken: &HashSet<String>, name: String) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let suffixed = |number: u32| {
        let suffix = format!("_{number}");
        let room = MAX_NAME - suffix.len();
        let base: String = name.chars().take(room).collect();
        base + &suffix
    };
    (2..=u32::MAX).map(suffixed).find(|candidate| !taken.contains(candidate)).unwrap_or(name)
}
