//! What is in a volume before npm runs, as the daemon unpacks it: the one way to give folders another owner than root.

use std::io;

use tar::{Builder, EntryType, Header};

/// The user that containers run as.
const USER: u64 = 1000;

/// `package.json`, perhaps a lock and certificates, and two folders that npm may write to.
pub(super) fn project(
    manifest: &str,
    lock: Option<&str>,
    certificates: Option<&[u8]>,
) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for folder in ["node_modules/", ".npm/"] {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_uid(USER);
        header.set_gid(USER);
        header.set_size(0);
        archive.append_data(&mut header, folder, io::empty())?;
    }
    let lock = lock.map(str::as_bytes);
    let files = [
        ("package.json", Some(manifest.as_bytes())),
        ("package-lock.json", lock),
        (".npm/ca.pem", certificates),
    ];
    for (name, content) in files {
        let Some(content) = content else { continue };
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(u64::try_from(content.len()).unwrap_or(u64::MAX));
        archive.append_data(&mut header, name, content)?;
    }
    archive.into_inner()
}
