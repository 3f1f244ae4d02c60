//! `system.health`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Guarded, Hints, Tool};
use crate::app::{AppError, System};

pub(in super::super) struct Health;

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Input {}

/// How the server is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Output {
    /// Always "ok": a server that can't say so doesn't answer.
    status: &'static str,
    /// Always "dynamic-mcp".
    service: &'static str,
    /// The server's version, as in 1.2.3.
    version: &'static str,
    /// Whole seconds since the start, 0 or more.
    uptime_seconds: u64,
    /// The sandbox engines that this server has.
    engines: Vec<Engine>,
}

/// A sandbox engine.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Engine {
    /// embedded or docker.
    name: &'static str,
    /// Whether a call would start now.
    ready: bool,
    /// How strong the sandbox is: full, degraded, reduced or unknown.
    strength: &'static str,
    /// Which of its layers hold, or why it is not ready, in words.
    detail: String,
}

impl Tool for Health {
    const NAME: &'static str = "system.health";
    const TITLE: &'static str = "Server health";
    const ABOUT: &'static str = "Says whether the server works: its version, how long it has been running, and \
        for each sandbox engine whether it is ready and how strong its sandbox is. Look here when calls fail \
        with engine_unavailable.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
    const GUARDED: Guarded = Guarded::Elsewhere;
    type Input = Input;
    type Output = Json<Output>;

    async fn call(call: &Call<'_>, _: Input) -> Result<Json<Output>, AppError> {
        let health = call.shared.app.system.health();
        let engines = health.engines.into_iter().map(|report| Engine {
            name: report.kind.as_str(),
            ready: report.ready,
            strength: report.strength.as_str(),
            detail: report.detail,
        });
        Ok(Json::new(Output {
            status: "ok",
            service: System::SERVICE,
            version: System::VERSION,
            uptime_seconds: health.uptime_seconds,
            engines: engines.collect(),
        }))
    }
}
