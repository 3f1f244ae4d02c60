//! Names that are being created: of two colliding ones only one comes to be.

use std::sync::PoisonError;

use super::Catalog;
use crate::app::AppError;
use crate::domain::tool::ToolName;

/// Holds a spelling until it is dropped.
pub(super) struct Reservation<'a> {
    catalog: &'a Catalog,
    spelling: String,
}

impl Catalog {
    /// Holds a spelling while its tool is being created, so that of two colliding names created at once
    /// only one comes to be.
    pub(super) fn reserve(&self, name: &ToolName) -> Result<Reservation<'_>, AppError> {
        let spelling = name.client_safe();
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load();
        if snapshot.find(name.as_str()).is_some_and(|tool| tool.record().name == *name)
            || snapshot.corrupt(name.as_str()).is_some()
        {
            return Err(AppError::AlreadyExists(name.clone()));
        }
        if let Some(other) = snapshot.spelled_like(name) {
            return Err(AppError::SpellingTaken { name: name.clone(), other: other.clone() });
        }
        self.outside_aliases(name)?;
        if !reserved.insert(spelling.clone()) {
            return Err(AppError::AlreadyExists(name.clone()));
        }
        Ok(Reservation { catalog: self, spelling })
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut reserved = self.catalog.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.remove(&self.spelling);
    }
}
