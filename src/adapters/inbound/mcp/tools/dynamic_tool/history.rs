//! `dynamic.tool.history`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::argument::{Count, GivenName};
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::tool::record::rfc3339;
use crate::domain::tool::{Change, Revision, ToolRecord};

pub(in super::super) struct History;

/// Which tool, and how much of its past.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The tool's name, 1 to 64 characters, in either spelling; a deleted tool's as documented.
    name: GivenName,
    /// Most revisions to show, the newest first: 1 to 1,000. Default: 20.
    #[serde(default)]
    limit: Count<20, 1_000>,
}

/// A tool's past.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The revisions that are kept, newest first.
    revisions: Vec<Entry>,
}

/// One revision.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// The revision: 1 or more.
    revision: Revision,
    /// SHA-256 in hexadecimal of all that affected the tool's behaviour.
    digest: String,
    /// When it was made: RFC 3339, UTC.
    updated_at: String,
    /// Who made it: `client:<id>`, `admin`, `local`, `import` or `external`.
    actor: String,
    /// What made it.
    change: Change,
}

impl Entry {
    fn of(record: &ToolRecord) -> Self {
        Self {
            revision: record.revision,
            digest: record.digest.as_str().to_owned(),
            updated_at: rfc3339(record.updated_at),
            actor: record.actor.to_string(),
            change: record.change,
        }
    }
}

impl Tool for History {
    const NAME: &'static str = "dynamic.tool.history";
    const TITLE: &'static str = "Show a tool's history";
    const ABOUT: &'static str = "Shows the revisions of a tool that are kept, newest first: when each was made, by whom \
        and how. Revisions with the same digest behave the same. Go back to one with dynamic.tool.rollback. A \
        deleted tool's history stays.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ACTION: Action = Action::Inspect;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<Json<Output>, AppError> {
        let Input { name: GivenName(name), limit } = input;
        let revisions = call.shared.app.catalog.history(&name, limit.get()).await?;
        let revisions = revisions.iter().map(|record| Entry::of(record)).collect();
        Ok(Json::new(Output { revisions }))
    }
}
