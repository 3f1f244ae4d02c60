//! What code writes to standard output and error, as lines of log.

/// Longest line, in bytes; a longer one is broken.
const MAX_LINE: usize = 8 << 10;

/// Makes lines of pieces.
#[derive(Default)]
pub(super) struct Lines {
    unfinished: Vec<u8>,
}

impl Lines {
    /// The lines that are whole with this piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            for part in part.chunks(MAX_LINE) {
                self.unfinished.extend_from_slice(part);
                if part.ends_with(b"\n") || self.unfinished.len() >= MAX_LINE {
                    lines.extend(self.rest());
                }
            }
        }
        lines
    }

    /// A last line without an end.
    pub(super) fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.unfinished);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        (!line.is_empty()).then(|| line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE};

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(lines.push(b" line\r\n\ntwo\nthr"), ["one line", "two"]);
        assert_eq!(lines.push(b"ee"), Vec::<String>::new());
        assert_eq!(lines.rest().as_deref(), Some("three"));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_without_an_end_is_broken() {
        let mut lines = Lines::default();
        let broken = lines.push(&vec![b'x'; 3 * MAX_LINE]);
        assert!(broken.len() >= 2 && broken.iter().all(|line| line.len() <= 2 * MAX_LINE));
    }
}
