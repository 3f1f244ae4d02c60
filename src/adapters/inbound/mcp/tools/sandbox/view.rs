//! What these tools show of what ran.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::sandbox::ProgramOutput;
use crate::domain::text::millis;

/// What a program came to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct OutputView {
    /// Its standard output; where it was cut, a line at its end says so.
    pub(super) stdout: String,
    /// Its standard error; cut in the same way.
    pub(super) stderr: String,
    /// Its exit code; 0 is success, 124 that it was killed because it ran over its time.
    exit_code: i64,
    /// How long it ran, in milliseconds.
    duration_ms: u64,
}

impl From<ProgramOutput> for OutputView {
    fn from(output: ProgramOutput) -> Self {
        Self {
            stdout: output.stdout,
            stderr: output.stderr,
            exit_code: output.exit_code,
            duration_ms: millis(output.duration),
        }
    }
}

impl OutputView {
    /// Both outputs and, unless all went well, how it ended, added to a text for a model.
    pub(super) fn tell(&self, timed_out: bool, text: &mut String) {
        for output in [&self.stdout, &self.stderr] {
            text.push_str(output);
            if !output.is_empty() && !output.ends_with('\n') {
                text.push('\n');
            }
        }
        if timed_out {
            text.push_str("[killed: it ran over its time]\n");
        } else if self.exit_code != 0 {
            text.push_str("[exit code ");
            text.push_str(&self.exit_code.to_string());
            text.push_str("]\n");
        }
    }
}
