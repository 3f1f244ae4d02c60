//! The registry's part in mounting other servers: their tools are in the same snapshot, and what is under an alias
//! belongs to it alone.

use std::sync::PoisonError;

use super::Catalog;
use crate::app::AppError;
use crate::app::upstreams::UpstreamsError;
use crate::domain::tool::ToolName;
use crate::domain::upstream::{Alias, Mounted};

impl Catalog {
    /// Keeps every name under an alias from being taken by a tool that is made from now on. Refuses where one has
    /// such a name, or where another alias is in the way.
    pub(in crate::app) fn reserve_prefix(&self, alias: &Alias) -> Result<(), AppError> {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load();
        let names = snapshot.tools().map(|tool| tool.record().name.as_str());
        let taken =
            names.chain(reserved.iter().map(String::as_str)).find(|name| alias.covers(name));
        if let Some(tool) = taken {
            let (alias, tool) = (alias.clone(), tool.to_owned());
            return Err(UpstreamsError::AliasTaken { alias, tool }.into());
        }
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = prefixes.keys().find(|other| alias.overlaps(other)) {
            let (alias, other) = (alias.clone(), other.clone());
            return Err(UpstreamsError::AliasesOverlap { alias, other }.into());
        }
        prefixes.insert(alias.clone(), 1);
        Ok(())
    }

    /// As [`reserve_prefix`](Self::reserve_prefix), whatever tools are there: for an attachment that stands
    /// already. A tool that was made meanwhile, elsewhere, keeps its name.
    pub(in crate::app) fn hold_prefix(&self, alias: &Alias) {
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        *prefixes.entry(alias.clone()).or_default() += 1;
    }

    /// Lets go of an alias's names, once for each time that they were reserved or held.
    pub(in crate::app) fn release_prefix(&self, alias: &Alias) {
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let held = prefixes.get_mut(alias).map(|held| {
            *held -= 1;
            *held
        });
        if held == Some(0) {
            prefixes.remove(alias);
        }
    }

    /// Shows these as the tools of an alias.
    pub(in crate::app) fn mount(&self, alias: &Alias, tools: Vec<Mounted>) {
        self.swap(|snapshot| {
            let mounts = snapshot.mounts().with(alias, tools)?;
            Some(snapshot.with_mounts(mounts))
        });
    }

    /// Refuses a name under an alias.
    pub(super) fn outside_aliases(&self, name: &ToolName) -> Result<(), AppError> {
        let prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        match prefixes.keys().find(|alias| alias.covers(name.as_str())) {
            None => Ok(()),
            Some(alias) => {
                let (name, alias) = (name.clone(), alias.clone());
                Err(UpstreamsError::UnderAlias { name, alias }.into())
            }
        }
    }
}
