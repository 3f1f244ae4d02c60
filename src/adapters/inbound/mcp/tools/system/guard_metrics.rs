//! `system.guard_metrics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Guarded, Hints, Tool};
use crate::app::{AppError, Gate};
use crate::domain::text::millis;

pub(in super::super) struct GuardMetrics;

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {}

/// What the execution guard has seen since the start.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super::super) struct Output {
    /// Calls that run now.
    active_executions: usize,
    /// What the guard allows.
    limits: Limits,
    /// What was called, sorted by scope.
    scopes: Vec<Tally>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// Most calls at once over all scopes.
    max_concurrency: u32,
    /// Most calls of one scope in a window.
    max_calls_per_window: u32,
    /// The window, in milliseconds.
    window_ms: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Tally {
    /// A built-in tool's name, or `dynamic.exec.<tool>`.
    scope: String,
    /// Calls asked for.
    total: u64,
    /// Calls let in.
    allowed: u64,
    /// Calls refused because there were too many in the window.
    rejected_rate: u64,
    /// Calls refused because too many ran at once.
    rejected_concurrency: u64,
    /// Calls let in that ended in an error.
    failed: u64,
}

impl Output {
    /// As it is now.
    pub(in super::super::super) fn of(gate: &Gate) -> Self {
        let limits = gate.limits();
        let scopes = gate.tallies().into_iter().map(|(scope, tally)| Tally {
            scope: scope.as_str().to_owned(),
            total: tally.total,
            allowed: tally.allowed,
            rejected_rate: tally.rejected_rate,
            rejected_concurrency: tally.rejected_concurrency,
            failed: tally.failed,
        });
        Self {
            active_executions: gate.active(),
            limits: Limits {
                max_concurrency: limits.max_concurrency,
                max_calls_per_window: limits.max_calls_per_window,
                window_ms: millis(limits.window),
            },
            scopes: scopes.collect(),
        }
    }
}

impl Tool for GuardMetrics {
    const NAME: &'static str = "system.guard_metrics";
    const TITLE: &'static str = "Execution guard";
    const ABOUT: &'static str = "Shows the limits on calls and what has been called since the start: how often, and \
        how often it was refused or failed. Look here when calls fail with rate_limited or too_busy.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const GUARDED: Guarded = Guarded::Elsewhere;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, _: Input) -> Result<Json<Output>, AppError> {
        Ok(Json::new(Output::of(&call.shared.app.gate)))
    }
}
