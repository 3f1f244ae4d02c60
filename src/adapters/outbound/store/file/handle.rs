//! The open database, shared by the store's threads, and opened again after it failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redb::Database;
use tokio::time::Instant;

use super::error::{OpenError, store_error, unavailable};
use super::open::Location;
use crate::ports::StoreError;

/// Time between attempts to open a file that can't be opened.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// The database, or the way back to it.
#[derive(Debug)]
pub(super) struct Handle {
    location: Location,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
enum Slot {
    Open(Opened),
    /// Not to be opened again before; `told`: the log knows that it can't be.
    Closed {
        again: Instant,
        told: bool,
    },
}

/// A database and the very file that it has open.
#[derive(Debug, Clone)]
struct Opened {
    database: Arc<Database>,
    file: Option<FileId>,
}

impl Handle {
    pub(super) fn new(location: Location, database: Database) -> Self {
        let file = file_id(&location.file);
        let slot = Slot::Open(Opened { database: Arc::new(database), file });
        Self { location, slot: Mutex::new(slot) }
    }

    /// The file's path.
    pub(super) fn file(&self) -> &Path {
        &self.location.file
    }

    /// Runs `work` on the database. When it fails the database is given up, and the next call opens it
    /// again: after an I/O error it would refuse everything for good.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&Arc<Database>) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let database = self.database()?;
        // The database asserts what a damaged file may break.
        let error = match catch_unwind(AssertUnwindSafe(|| work(&database))) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error,
            Err(_) => redb::Error::Corrupted("its parts contradict each other".to_owned()),
        };
        self.give_up(&database);
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        Err(store_error(error))
    }

    fn database(&self) -> Result<Arc<Database>, StoreError> {
        let mut slot = self.slot();
        let file = file_id(&self.location.file);
        let told = match &*slot {
            Slot::Open(open) if open.file == file => return Ok(Arc::clone(&open.database)),
            // What was written now would be lost: nobody will find it under the path.
            Slot::Open(_) => {
                tracing::warn!("the store's file was removed or replaced");
                false
            }
            Slot::Closed { again, .. } if Instant::now() < *again => {
                return Err(unavailable("its file can't be opened"));
            }
            Slot::Closed { told, .. } => *told,
        };
        // Closes the old one first, so that it isn't open twice while it is repaired.
        *slot = Slot::Closed { again: Instant::now() + RETRY_AFTER, told };
        match self.location.open(&Arc::new(AtomicBool::new(false))) {
            Ok(database) => {
                let database = Arc::new(database);
                *slot = Slot::Open(Opened { database: Arc::clone(&database), file });
                Ok(database)
            }
            Err(error) => {
                if !told {
                    tracing::error!(%error, "the store can't be opened again; trying on");
                }
                *slot = Slot::Closed { again: Instant::now() + RETRY_AFTER, told: true };
                Err(reopen_error(error))
            }
        }
    }

    fn give_up(&self, failed: &Arc<Database>) {
        let mut slot = self.slot();
        if matches!(&*slot, Slot::Open(open) if Arc::ptr_eq(&open.database, failed)) {
            *slot = Slot::Closed { again: Instant::now(), told: false };
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reopen_error(error: OpenError) -> StoreError {
    let reason = match &error {
        OpenError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            "its file is gone"
        }
        OpenError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            "there is no space left for it"
        }
        OpenError::Damaged { .. } => {
            return StoreError::Corrupt {
                reason: "its file is damaged".to_owned(),
                source: Some(Box::new(error)),
            };
        }
        _ => "its file can't be opened",
    };
    StoreError::Unavailable { reason: reason.to_owned(), source: Some(Box::new(error)) }
}

/// What tells one file from another that takes its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok()?;
    Some(FileId { device: about.dev(), inode: about.ino() })
}

/// Elsewhere an open file can be neither removed nor replaced.
#[cfg(not(unix))]
fn file_id(_path: &Path) -> Option<FileId> {
    None
}
