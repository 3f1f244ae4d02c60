//! Length-prefixed frames between host and sandbox: `u32le length | u8 kind | body`.
//!
//! A frame ends by its length, never by the end of the stream, and its length is checked before one byte of
//! its body is read.

use std::io::{self, Read};

/// Bytes before the body.
pub(super) const HEADER: usize = 5;

/// One frame: what kind, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// What kind; the protocol above says which there are.
    pub(super) kind: u8,
    /// As long as the header said.
    pub(super) body: Vec<u8>,
}

/// Starts a frame whose body is appended by the caller; [`seal`] completes it.
pub(super) fn open(kind: u8, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + capacity);
    bytes.extend_from_slice(&[0; 4]);
    bytes.push(kind);
    bytes
}

/// Writes the body's length into a frame begun with [`open`].
///
/// # Errors
/// `InvalidInput` if the body is longer than 4 GiB.
pub(super) fn seal(mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len().saturating_sub(HEADER))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long"))?;
    if let Some(slot) = bytes.get_mut(..4) {
        slot.copy_from_slice(&length.to_le_bytes());
    }
    Ok(bytes)
}

/// Reads a header: the kind and the body's length.
///
/// # Errors
/// `InvalidData` if the body would be longer than `max` bytes.
pub(super) fn header(bytes: [u8; HEADER], max: usize) -> io::Result<(u8, usize)> {
    let [a, b, c, d, kind] = bytes;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is over its limit"));
    }
    Ok((kind, length))
}

/// Reads one frame, blocking.
///
/// # Errors
/// `UnexpectedEof` where the other side has gone, and as [`header`].
pub(super) fn read(from: &mut impl Read, max: usize) -> io::Result<Frame> {
    let mut head = [0; HEADER];
    from.read_exact(&mut head)?;
    let (kind, length) = header(head, max)?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Frame { kind, body })
}

#[cfg(test)]
mod tests {
    use super::{open, read, seal};

    #[test]
    fn a_frame_survives_the_wire() {
        let mut bytes = open(b'L', 3);
        bytes.extend_from_slice(b"abc");
        let bytes = seal(bytes).unwrap();
        let frame = read(&mut bytes.as_slice(), 3).unwrap();
        assert_eq!((frame.kind, frame.body.as_slice()), (b'L', b"abc".as_slice()));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_the_body() {
        let bytes = seal(vec![0, 0, 0, 0, b'L', 1, 2, 3, 4]).unwrap();
        let error = read(&mut bytes.as_slice(), 3).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_half_frame_is_the_end_of_the_stream() {
        let mut bytes = seal(vec![0, 0, 0, 0, b'L', 1, 2, 3]).unwrap();
        bytes.pop();
        let error = read(&mut bytes.as_slice(), 9).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    }
}
