//! JSON of at most a certain size.

use std::io::{Error, Write};

use serde::Serialize;

/// Largest output of a built-in tool, in bytes of JSON. A client gets it twice, as text and as an object, and
/// many read no message above 64 MiB.
pub(super) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Why a value could not be written.
pub(super) enum Unwritten {
    /// It is larger than [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// A defect.
    Defect(serde_json::Error),
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_ANSWER_BYTES {
            return Err(Error::other("too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes a value.
pub(super) fn write<T: Serialize>(value: &T) -> Result<String, Unwritten> {
    let mut text = Bounded(Vec::new());
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => String::from_utf8(text.0)
            .map_err(|error| Unwritten::Defect(serde::ser::Error::custom(error))),
        Err(error) if error.is_io() => Err(Unwritten::TooLarge),
        Err(error) => Err(Unwritten::Defect(error)),
    }
}
