//! `upstream.mcp.*`: tools that attach, detach and show other MCP servers.

pub(super) mod attach;
pub(super) mod detach;
pub(super) mod list;

mod view;

use super::super::tool::Call;
use crate::app::{AppError, Upstreams};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;

/// The use cases. These tools are offered only where they are there.
fn upstreams<'a>(call: &Call<'a>) -> Result<&'a Upstreams, AppError> {
    call.shared.app.upstreams.as_deref().ok_or_else(|| {
        let message = "other servers can't be attached to this one";
        Failure::new(ErrorCode::PermissionDenied, message).into()
    })
}
