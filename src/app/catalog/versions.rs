//! A tool's past: its revisions, and going back to one.

use std::sync::Arc;

use super::{Author, Catalog};
use crate::app::AppError;
use crate::domain::tool::{Change, Expected, Revision, ToolName, ToolRecord};

impl Catalog {
    /// The revisions of a tool that are kept, newest first, at most `limit`. A deleted tool's are found by
    /// its documented name.
    pub async fn history(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, AppError> {
        let name = match self.get(name) {
            Ok(tool) => tool.record().name.clone(),
            Err(missing @ AppError::NotFound(_)) => ToolName::parse(name).map_err(|_| missing)?,
            Err(other) => return Err(other),
        };
        let revisions = self.parts.store.history(&name, limit).await?;
        if revisions.is_empty() { Err(AppError::NotFound(name.to_string())) } else { Ok(revisions) }
    }

    /// Makes a new revision with the definition of the old revision `to`. Whether the tool is enabled stays
    /// as it is. The definition has to keep the rules that hold now, as in a new tool.
    pub async fn rollback(
        &self,
        author: impl Into<Author> + Send,
        name: &str,
        to: Revision,
        expected: Expected,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let author = author.into();
        let current = self.current(name, expected).await?;
        if to == current.revision {
            return Err(AppError::invalid_input(format!(
                "the tool '{}' is at revision {to} already",
                current.name
            )));
        }
        let content = self.revision(&current.name, to).await?.content.clone();
        content.keeps(&self.parts.limits.policy)?;
        self.redefine(current, (author, Change::Rollback), expected, |current| {
            Ok((content.clone(), current.enabled))
        })
        .await
    }

    async fn revision(
        &self,
        name: &ToolName,
        wanted: Revision,
    ) -> Result<Arc<ToolRecord>, AppError> {
        let kept = self.parts.store.history(name, usize::MAX).await?;
        let found = kept.into_iter().find(|record| record.revision == wanted);
        found.ok_or_else(|| AppError::NoRevision { name: name.clone(), revision: wanted })
    }
}
