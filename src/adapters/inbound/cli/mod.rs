//! The command line: what may be written there, and the commands that do more than serve.
//!
//! A command gets what it needs from the composition root, writes to the [`Screen`] it is given, and
//! answers with a [`Verdict`] or with a sentence that says what went wrong.

mod args;
mod call;
#[cfg(feature = "http")]
pub mod demo;
pub mod doctor;
mod flags;
pub mod init;
mod screen;
mod table;
pub mod tools;

pub use args::{CallArgs, Command, Invocation, Stop, parse};
pub use call::call;
pub use screen::{Screen, Verdict};

use crate::app::AppError;

/// Why a command could not do what it was asked: a sentence for whoever sits at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl CommandError {
    /// With this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl From<AppError> for CommandError {
    fn from(error: AppError) -> Self {
        Self(match error {
            // The error's own sentence names a built-in tool, which only clients can call.
            AppError::NotFound(name) => format!(
                "the store has no tool named '{name}'; `dynamic-mcp tools list` shows those that it has"
            ),
            error => error.public_message(),
        })
    }
}
