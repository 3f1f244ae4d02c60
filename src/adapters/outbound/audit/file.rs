//! The file: appended to, begun anew when it is large, its predecessors kept as `NAME.1`, `NAME.2` and so on.
//!
//! Several servers may write to one file, and somebody else may move it away: it is locked while it is written
//! to, and opened again when the name has come to mean another file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file with its predecessors.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    /// The size at which a new file is begun, in bytes.
    max_bytes: u64,
    /// Files that are kept, this one included.
    max_files: usize,
    file: Option<File>,
    /// Whether `file` is locked.
    locked: bool,
}

impl AuditFile {
    /// Opens the file, or makes it and the folder that it is in.
    pub(super) fn open(path: &Path, max_bytes: u64, max_files: usize) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        let file = Some(open(path)?);
        Ok(Self { path: path.to_owned(), max_bytes, max_files, file, locked: false })
    }

    /// Appends lines, each of which ends in a line feed. On an error the lines that are in the file are taken
    /// out of `lines`, and none is there in part. [`WouldBlock`](io::ErrorKind::WouldBlock): somebody else is
    /// writing.
    pub(super) fn append(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
        while !lines.is_empty() {
            let file = self.current()?;
            let length = file.metadata()?.len();
            let mut text = String::new();
            let mut count = 0;
            for line in &*lines {
                let size = length + (text.len() + line.len()) as u64;
                if size > self.max_bytes && length + text.len() as u64 > 0 {
                    break;
                }
                text.push_str(line);
                count += 1;
            }
            if count == 0 {
                self.rotate()?;
                continue;
            }
            let mut file = self.current()?;
            if let Err(error) = file.write_all(text.as_bytes()) {
                file.set_len(length)?;
                return Err(error);
            }
            lines.drain(..count);
        }
        Ok(())
    }

    /// Lets others write, until the next time.
    pub(super) fn release(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.locked) {
            return Ok(());
        }
        self.file.as_ref().map_or(Ok(()), File::unlock)
    }

    /// Waits until what was written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// The file that the name means now, locked.
    fn current(&mut self) -> io::Result<&File> {
        loop {
            let file = if let Some(file) = self.file.take() {
                file
            } else {
                self.locked = false;
                open(&self.path)?
            };
            // On some systems, whoever locks twice waits for himself.
            if !self.locked {
                match file.try_lock() {
                    Ok(()) => self.locked = true,
                    Err(TryLockError::Error(error)) => return Err(error),
                    Err(TryLockError::WouldBlock) => {
                        self.file = Some(file);
                        let held = "another program holds its file";
                        return Err(io::Error::new(io::ErrorKind::WouldBlock, held));
                    }
                }
            }
            if is_at(&file, &self.path)? {
                return Ok(self.file.insert(file));
            }
            self.locked = false;
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        for number in (1..self.max_files).rev() {
            let from = self.numbered(number - 1);
            match fs::rename(&from, self.numbered(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.max_files == 1 {
            return self.current()?.set_len(0);
        }
        Ok(())
    }

    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// For its owner alone.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether the path still means this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file that is open can't be moved there.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
