//! What nobody can guess.

use std::io;

/// Random bytes.
///
/// # Errors
/// The system has no randomness.
pub fn bytes() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Random characters that mean nothing to a shell or a script.
///
/// # Errors
/// The system has no randomness.
pub fn letters() -> io::Result<[u8; 16]> {
    Ok(bytes()?.map(|byte| b'a' + byte % 26))
}
