//! Makes a new store: complete before it can be seen under its name, so that neither a crash nor a race
//! between two first starts leaves half a file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;

use super::error::OpenError;
use super::open::builder;
use super::{import, row, tables};
use crate::domain::tool::ToolRecord;

/// Makes the file at `path` with the tools of the Node project's store `source`, if one is given. Where
/// another process was quicker, its file stands.
pub(super) fn create(path: &Path, source: Option<&Path>) -> Result<(), OpenError> {
    let tools = source.map_or_else(|| Ok(Vec::new()), import::read)?;
    let folder = folder_of(path);
    make_folder(folder)?;
    let draft = Draft(draft_path(path));
    let file = draft.make().map_err(|error| OpenError::io("create", path, error))?;
    fill(file, &tools).map_err(|error| OpenError::database(path, error))?;
    match fs::hard_link(&draft.0, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // A file system without hard links.
        Err(_) => {
            fs::rename(&draft.0, path).map_err(|error| OpenError::io("create", path, error))?;
        }
    }
    sync_folder(folder)?;
    if let Some(source) = source.filter(|_| !tools.is_empty()) {
        tracing::info!(
            tools = tools.len(),
            from = %source.display(),
            to = %path.display(),
            "imported the Node project's tools"
        );
    }
    Ok(())
}

/// A file under a name of its own, which goes away whatever happens.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was renamed; where it can't be removed it harms nobody.
        fs::remove_file(&self.0).ok();
    }
}

impl Draft {
    fn make(&self) -> io::Result<File> {
        // A process of the same number may have died here.
        fs::remove_file(&self.0).ok();
        create_private(&self.0)
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

fn fill(file: File, tools: &[ToolRecord]) -> Result<(), redb::Error> {
    let database = builder().create_with_backend(FileBackend::new(file)?)?;
    let txn = database.begin_write()?;
    tables::create(&txn)?;
    import_into(&txn, tools)?;
    txn.commit()?;
    Ok(())
}

fn import_into(txn: &redb::WriteTransaction, tools: &[ToolRecord]) -> Result<(), redb::Error> {
    let mut table = txn.open_table(tables::TOOLS)?;
    for tool in tools {
        let row = row::encode(tool).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
        table.insert(tool.name.as_str(), (tool.revision.get(), row.as_slice()))?;
    }
    Ok(())
}

/// For the owner's eyes only: code may hold what was pasted into it.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| OpenError::io("create the folder", folder, error))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A name is durable once its folder is.
fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| OpenError::io("write the folder", folder, error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
