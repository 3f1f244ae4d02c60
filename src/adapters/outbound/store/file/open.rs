//! Finds the file that a path stands for, makes it if there is none, and opens it.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Builder, ConcurrencyMode, Database};

use super::create;
use super::error::OpenError;
use super::tables::{self, CURRENT_SCHEMA, Kind};

/// Bytes of pages that are kept in memory. Tools are served from the catalogue's snapshot, so more would
/// only cost.
const CACHE_BYTES: usize = 2 << 20;

/// Which file a path stands for.
#[derive(Debug, Clone)]
pub(super) struct Location {
    /// The store itself.
    pub(super) file: PathBuf,
    /// A store of the Node project, to be imported when the file is made.
    import: Option<PathBuf>,
}

impl Location {
    /// A path that ends in `.json` names a store of the Node project; ours is beside it.
    pub(super) fn of(path: &Path) -> Self {
        let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json {
            Self { file: path.with_extension("redb"), import: Some(path.to_owned()) }
        } else {
            Self { file: path.to_owned(), import: None }
        }
    }

    /// Opens the file; makes it where there is none. `waiting` is true while another process may keep it
    /// from going on.
    pub(super) fn open_or_create(&self, waiting: &Arc<AtomicBool>) -> Result<Database, OpenError> {
        match fs::metadata(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create::create(&self.file, self.import.as_deref())?;
            }
            Err(error) => return Err(OpenError::io("open", &self.file, error)),
            Ok(_) => {}
        }
        self.open(waiting)
    }

    /// Opens the file that must be there.
    pub(super) fn open(&self, waiting: &Arc<AtomicBool>) -> Result<Database, OpenError> {
        let path = &self.file;
        let about = fs::metadata(path).map_err(|error| OpenError::io("open", path, error))?;
        if !about.is_file() {
            return Err(OpenError::NotAFile(path.clone()));
        }
        waiting.store(true, Ordering::Release);
        // The database asserts what a damaged file may break.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = builder();
            let repairing = Arc::clone(waiting);
            builder.set_repair_callback(move |_| repairing.store(false, Ordering::Release));
            let database = builder.open(path)?;
            let kind = tables::kind(&database)?;
            Ok((database, kind))
        }));
        waiting.store(false, Ordering::Release);
        match opened {
            Ok(Ok((database, Kind::Ours))) => Ok(database),
            Ok(Ok((_, Kind::Newer(found)))) => {
                Err(OpenError::Newer { path: path.clone(), found, known: CURRENT_SCHEMA })
            }
            Ok(Ok((_, Kind::Foreign))) => Err(OpenError::Foreign(path.clone())),
            Ok(Err(error)) => Err(OpenError::database(path, error)),
            Err(_) => Err(OpenError::Damaged {
                path: path.clone(),
                reason: "its parts contradict each other".to_owned(),
            }),
        }
    }
}

/// How every process opens the file.
pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_concurrency_mode(ConcurrencyMode::MultiWriter).set_cache_size(CACHE_BYTES);
    builder
}
