//! Errors of the file store: for the operator's terminal when it is opened, for clients afterwards.

use std::io;
use std::path::PathBuf;

use crate::ports::StoreError;

/// Why the file could not be opened. For the operator's terminal: it names the path.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "can't ...".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The file system's word.
        source: io::Error,
    },
    /// A folder or a device stands there.
    #[error("{} is not a file: give MCP_DYNAMIC_STORE the path of a file", .0.display())]
    NotAFile(PathBuf),
    /// Something else than a store.
    #[error(
        "{} is not a store of dynamic-mcp and was left as it is: give MCP_DYNAMIC_STORE another path, or move the file away (a store of the Node project is imported where the path ends in .json)",
        .0.display()
    )]
    Foreign(PathBuf),
    /// A later release's store.
    #[error(
        "the store {} has schema {found}, and this release knows schemas up to {known}: use the release that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// The newest schema known here.
        known: u64,
    },
    /// Cut short, or changed by something else than a store.
    #[error(
        "the store {} is damaged and was left as it is ({reason}): restore it from a backup, or move it away to start with an empty one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another process keeps it to itself.
    #[error(
        "the store {} is held by another process that does not let go of it: end or resume that process, or give MCP_DYNAMIC_STORE another path",
        .0.display()
    )]
    Busy(PathBuf),
    /// A store to be imported can't be read.
    #[error("can't import {}, which was left as it is: {reason}", path.display())]
    Import {
        /// The file to be imported.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// What the database said while the file was opened.
    pub(super) fn database(path: impl Into<PathBuf>, error: redb::Error) -> Self {
        let path = path.into();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::Busy(path)
            }
            redb::Error::Io(error) => match error.kind() {
                io::ErrorKind::InvalidData => Self::Foreign(path),
                io::ErrorKind::UnexpectedEof => {
                    Self::Damaged { path, reason: "it ends too early".to_owned() }
                }
                _ => Self::io("use", path, error),
            },
            error => Self::Damaged { path, reason: error.to_string() },
        }
    }
}

/// What the database said while the store was in use, in words that hold no path.
pub(super) fn store_error(error: redb::Error) -> StoreError {
    let reason = match &error {
        redb::Error::Io(error) => match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => "there is no space left for it",
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                "it can't be written"
            }
            _ => "its file can't be read or written",
        },
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => "its file is being opened again",
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => HELD,
        _ => {
            return StoreError::Corrupt {
                reason: "its file is damaged".to_owned(),
                source: Some(Box::new(error)),
            };
        }
    };
    StoreError::Unavailable { reason: reason.to_owned(), source: Some(Box::new(error)) }
}

/// Why a write or a read that waited too long was given up.
const HELD: &str = "another process holds it";

/// The answer to who waited too long for his turn; nothing was done.
pub(super) fn held() -> StoreError {
    unavailable(HELD)
}

/// The answer to who asked, or was still waiting, when the store was closed.
pub(super) fn closed() -> StoreError {
    unavailable("it is closed")
}

/// Unavailable without another error as its cause.
pub(super) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}
