//! What a program prints, up to a limit, and the mark behind it.

use std::fmt::Write as _;

/// One of a program's outputs.
pub(super) struct CapturedOutput {
    mark: Vec<u8>,
    most: usize,
    kept: Vec<u8>,
    /// What came last, as long as the mark less one.
    tail: Vec<u8>,
    total: u64,
    ended: bool,
}

impl CapturedOutput {
    /// Nothing yet. `most`: bytes that are kept.
    pub(super) fn new(mark: &str, most: usize) -> Self {
        let mark = mark.as_bytes().to_vec();
        Self { mark, most, kept: Vec::new(), tail: Vec::new(), total: 0, ended: false }
    }

    /// Takes in what came. What comes behind the mark was printed by something else.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let before = self.tail.len();
        self.tail.extend_from_slice(bytes);
        let found = self.tail.windows(self.mark.len()).position(|window| window == self.mark);
        let room = self.most.saturating_add(self.mark.len()).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.total += bytes.len() as u64;
        if let Some(at) = found {
            self.ended = true;
            let behind = (before + bytes.len() - at) as u64;
            self.total = self.total.saturating_sub(behind);
            self.tail = Vec::new();
            return;
        }
        let over = self.tail.len().saturating_sub(self.mark.len() - 1);
        self.tail.drain(..over);
    }

    /// Whether the mark came.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// How much came, the mark not counted.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// As text. Where it was cut, a line says how much was left out.
    pub(super) fn text(mut self) -> String {
        let whole = usize::try_from(self.total).unwrap_or(usize::MAX);
        self.kept.truncate(whole.min(self.most));
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        let left_out = whole.saturating_sub(self.most);
        if left_out > 0 {
            // A character may have been cut in two.
            let cut = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
            text.truncate(cut);
            // Writing to a text can't fail.
            write!(text, "\n[{left_out} more bytes were left out]").ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(most: usize, pieces: &[&str]) -> CapturedOutput {
        let mut captured = CapturedOutput::new("MARK", most);
        for piece in pieces {
            captured.take(piece.as_bytes());
        }
        captured
    }

    #[test]
    fn the_mark_is_found_wherever_it_is_cut() {
        for pieces in
            [&["abcMARK"][..], &["abc", "MARK"], &["abcMA", "RK"], &["abcM", "A", "R", "K"]]
        {
            let captured = captured(100, pieces);
            assert!(captured.ended(), "{pieces:?}");
            assert_eq!(captured.text(), "abc", "{pieces:?}");
        }
    }

    #[test]
    fn what_comes_behind_the_mark_is_not_the_programs() {
        assert_eq!(captured(100, &["abcMARKnoise", "more"]).text(), "abc");
        let without = captured(100, &["abcMAR"]);
        assert!(!without.ended());
        assert_eq!(without.text(), "abcMAR");
    }

    #[test]
    fn too_much_is_cut_and_said() {
        assert_eq!(captured(2, &["abcd", "MARK"]).text(), "ab\n[2 more bytes were left out]");
        assert_eq!(captured(4, &["abcdMARK"]).text(), "abcd");
        assert_eq!(captured(3, &["ä€MARK"]).text(), "ä\n[2 more bytes were left out]");
        let long = "x".repeat(10_000);
        let text = captured(10, &[&long, &long, "MARK"]).text();
        assert_eq!(text, "xxxxxxxxxx\n[19990 more bytes were left out]");
    }
}
