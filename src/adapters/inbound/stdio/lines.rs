//! Cuts a stream into lines, holding at most one line of bounded length.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Longest line, in bytes: 16 MiB.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A line's buffer that has grown beyond this is given back.
const KEEP: usize = 1024 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line is there: see [`Lines::line`].
    Line,
    /// A line is longer than allowed; the rest of it will be skipped.
    TooLong,
    /// The stream has ended.
    End,
}

/// A stream's lines.
pub(super) struct Lines<R> {
    source: BufReader<R>,
    line: Vec<u8>,
    /// The line is complete, and the next one begins anew.
    complete: bool,
    /// The rest of a line that is too long is being skipped.
    skipping: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::with_capacity(CHUNK, source),
            line: Vec::new(),
            complete: true,
            skipping: false,
        }
    }

    /// The line, without its end.
    pub(super) fn line(&self) -> &[u8] {
        self.line.strip_suffix(b"\r").unwrap_or(&self.line)
    }

    /// Reads the next line. If this future is dropped, nothing that was read is lost. A last line without
    /// an end is a line too.
    pub(super) async fn next(&mut self) -> io::Result<Next> {
        if self.complete {
            self.line.clear();
            self.line.shrink_to(KEEP);
            self.complete = false;
        }
        loop {
            let chunk = self.source.fill_buf().await?;
            if chunk.is_empty() {
                self.complete = true;
                let unfinished = !self.line.is_empty() && !self.skipping;
                return Ok(if unfinished { Next::Line } else { Next::End });
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or(chunk);
            let too_long = !self.skipping && self.line.len() + part.len() > MAX_LINE;
            if too_long {
                self.line.clear();
            } else if !self.skipping {
                self.line.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(end.is_some());
            self.source.consume(consumed);
            let skipped = self.skipping && end.is_some();
            self.skipping = (self.skipping || too_long) && end.is_none();
            if too_long {
                return Ok(Next::TooLong);
            }
            if end.is_some() && !skipped {
                self.complete = true;
                return Ok(Next::Line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> Vec<Result<String, Next>> {
        let mut lines = Lines::new(input);
        let mut found = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Next::Line => found.push(Ok(String::from_utf8_lossy(lines.line()).into_owned())),
                Next::End => return found,
                Next::TooLong => found.push(Err(Next::TooLong)),
            }
        }
    }

    #[tokio::test]
    async fn lines_end_with_a_newline_or_with_the_stream() {
        let found = all(b"one\r\ntwo\n\nthree").await;
        let expected = ["one", "two", "", "three"].map(|line| Ok(line.to_owned()));
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_said_once_and_skipped() {
        let longest = vec![b'a'; MAX_LINE];
        let mut input = longest.clone();
        input.extend(b"\nb\n");
        input.extend(&longest);
        input.extend(vec![b'a'; 3 * CHUNK]);
        input.extend(b"\nc\n");
        let found = all(&input).await;
        assert_eq!(found.len(), 4);
        assert_eq!(found[0].as_ref().map(String::len), Ok(MAX_LINE));
        assert_eq!(found[1..], [Ok("b".to_owned()), Err(Next::TooLong), Ok("c".to_owned())]);
    }

    #[tokio::test]
    async fn the_buffer_of_a_long_line_is_given_back() {
        let mut input = vec![b'a'; 4 * KEEP];
        input.extend(b"\nb\n");
        let mut lines = Lines::new(input.as_slice());
        lines.next().await.unwrap();
        lines.next().await.unwrap();
        assert!(lines.line.capacity() <= KEEP);
    }
}
