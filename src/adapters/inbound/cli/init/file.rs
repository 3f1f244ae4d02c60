//! Replacing somebody's file without ever having half of it: a copy is kept, and the new content appears
//! in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The text, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes `text` and answers where the old content is kept, if there was any.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<Option<PathBuf>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A link, as dotfile managers make them, stays one.
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_new(path, text, None)?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let backup = keep(&target)?;
    write_new(&target, text, Some(fs::metadata(&target)?.permissions()))?;
    Ok(Some(backup))
}

fn write_new(path: &Path, text: &str, permissions: Option<fs::Permissions>) -> io::Result<()> {
    let temporary = beside(path, &format!("tmp-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The first error is the one to tell.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Copies the file to the first free of `NAME.bak`, `NAME.bak1`, `NAME.bak2`...
fn keep(path: &Path) -> io::Result<PathBuf> {
    let permissions = fs::metadata(path)?.permissions();
    for number in 0_u32.. {
        let suffix = if number == 0 { "bak".to_owned() } else { format!("bak{number}") };
        let backup = beside(path, &suffix);
        match OpenOptions::new().write(true).create_new(true).open(&backup) {
            Ok(mut file) => {
                file.set_permissions(permissions)?;
                io::copy(&mut File::open(path)?, &mut file)?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("there are too many backups"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}
