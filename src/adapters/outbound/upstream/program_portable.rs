//! Programs as upstreams where there are no process groups: not offered, since what a program starts could not be
//! ended with it.

use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::task::TaskTracker;

use super::connect::ClientOptions;
use super::fault::Redactor;
use super::lines::Lines;
use crate::domain::upstream::StdioSpec;
use crate::ports::UpstreamError;

/// Never there.
pub(super) enum Program {}

impl Program {
    pub(super) fn start(
        _: &StdioSpec,
        _: &ClientOptions,
        _: Redactor,
        _: &TaskTracker,
    ) -> Result<(Self, Lines<ChildStdout, ChildStdin>), UpstreamError> {
        let message =
            "programs can't be attached on this system, only servers over http".to_owned();
        Err(UpstreamError::Forbidden(message))
    }

    pub(super) async fn ended(&self) -> Option<String> {
        match *self {}
    }

    pub(super) async fn end(&self) {
        match *self {}
    }
}
