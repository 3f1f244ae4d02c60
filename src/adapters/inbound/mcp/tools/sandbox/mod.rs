//! `sandbox.*`: interactive sandboxes, which live from one call to the next.

pub(super) mod exec;
pub(super) mod initialize;
pub(super) mod run_js;
pub(super) mod session_list;
pub(super) mod stop;

mod view;

use super::super::tool::Call;
use crate::app::{AppError, Sandboxes};
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;

/// The use cases.
fn sandboxes<'a>(call: &Call<'a>) -> Result<&'a Sandboxes, AppError> {
    call.shared.app.sandboxes.as_deref().ok_or_else(|| {
        let message = "sandbox sessions need Docker, which this server was built without";
        Failure::new(ErrorCode::EngineUnavailable, message).into()
    })
}
