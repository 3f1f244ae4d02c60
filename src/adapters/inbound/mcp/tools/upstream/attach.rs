//! `upstream.mcp.attach`.

use super::super::super::answer::Json;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::AttachedView;
use crate::app::AppError;
use crate::domain::Action;
use crate::domain::upstream::UpstreamDraft;

pub(in super::super) struct Attach;

impl Tool for Attach {
    const NAME: &'static str = "upstream.mcp.attach";
    const TITLE: &'static str = "Attach another MCP server";
    const ABOUT: &'static str = "Connects to another MCP server, over stdio (a program that is started here) or over \
        Streamable HTTP, and offers its tools here as '<alias>.<tool>'. The attachment is kept: it is there again after \
        a restart, in every server on the same store, until upstream.mcp.detach. Fails where the server does not \
        answer, where the alias is taken, or where a tool's name with the alias is longer than 64 characters. \
        Administrators only.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: false, idempotent: false, open_world: true };
    const ACTION: Action = Action::Attach;
    type Input = UpstreamDraft;
    type Output = Json<AttachedView>;

    async fn call(call: &Call<'_>, input: UpstreamDraft) -> Result<Json<AttachedView>, AppError> {
        let upstreams = super::upstreams(call)?;
        let attached = upstreams.attach(call.actor.clone(), input, &call.exchange.cancel).await?;
        Ok(Json::new(attached.into()))
    }
}
