//! The tools of upstreams in the registry's snapshot: found by name, their arguments checked as dynamic tools' are.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::domain::tool::ToolName;
use crate::domain::upstream::{Alias, Mounted};
use crate::ports::{CompiledSchema, SchemaCheck, SchemaViolation};

/// A mounted tool, and its schema compiled when it is first needed.
pub struct MountedTool {
    mounted: Mounted,
    input: OnceLock<Option<Arc<dyn CompiledSchema>>>,
}

impl MountedTool {
    const fn new(mounted: Mounted) -> Self {
        Self { mounted, input: OnceLock::new() }
    }

    /// The tool.
    pub const fn mounted(&self) -> &Mounted {
        &self.mounted
    }

    /// Checks arguments. A schema that is no good here checks nothing: the tool's own server will.
    pub(super) fn check(
        &self,
        checker: &dyn SchemaCheck,
        arguments: &Value,
    ) -> Result<(), Vec<SchemaViolation>> {
        let schema = self.input.get_or_init(|| {
            let schema = self.mounted.tool.input_schema()?;
            let compiled = checker.compile(&schema);
            if let Err(reason) = &compiled {
                let name = self.mounted.name.as_str();
                tracing::debug!(tool.name = name, reason, "a mounted tool's schema is not checked");
            }
            compiled.ok()
        });
        schema.as_ref().map_or(Ok(()), |schema| schema.validate(arguments))
    }
}

/// Every mounted tool. Cheap to clone.
#[derive(Clone, Default)]
pub struct Mounts {
    tools: imbl::OrdMap<ToolName, Arc<MountedTool>>,
    spellings: imbl::HashMap<String, ToolName>,
}

impl Mounts {
    /// Every tool, sorted by name.
    pub fn tools(&self) -> impl Iterator<Item = &Arc<MountedTool>> {
        self.tools.values()
    }

    /// By its name here, in either spelling.
    pub fn find(&self, name: &str) -> Option<&Arc<MountedTool>> {
        self.tools.get(name).or_else(|| self.tools.get(self.spellings.get(name)?))
    }

    /// With these as the tools of an alias; `None` where that changes nothing.
    pub(super) fn with(&self, alias: &Alias, tools: Vec<Mounted>) -> Option<Self> {
        let of_alias = |tool: &&Arc<MountedTool>| tool.mounted.alias == *alias;
        let mut old: BTreeMap<_, _> =
            self.tools().filter(of_alias).map(|tool| (tool.mounted.name.clone(), tool)).collect();
        let mut next = self.clone();
        let mut changed = false;
        for tool in tools {
            if old.remove(&tool.name).is_some_and(|old| old.mounted == tool) {
                continue;
            }
            changed = true;
            next.spellings.insert(tool.name.client_safe(), tool.name.clone());
            next.tools.insert(tool.name.clone(), Arc::new(MountedTool::new(tool)));
        }
        for gone in old.keys() {
            changed = true;
            next.tools.remove(gone);
            next.spellings.remove(&gone.client_safe());
        }
        changed.then_some(next)
    }
}
