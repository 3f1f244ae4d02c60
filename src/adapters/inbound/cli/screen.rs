//! Where commands write: standard output, which is theirs alone while no MCP client reads it.

use std::io::{self, IsTerminal as _, Write};

use serde_json::Value;

/// What a command came to, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it was asked: 0.
    Done,
    /// It ran, and what it shows is a failure: 1.
    Failed,
}

/// A place to write for people, or for programs.
pub struct Screen {
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    styled: bool,
    /// One JSON document instead of text for people.
    pub json: bool,
}

impl Screen {
    /// Standard output. Styled where it is a terminal, unless the person wants no colours
    /// (<https://no-color.org>).
    pub fn stdout(json: bool, no_color: bool) -> Self {
        let out = io::stdout();
        let styled = out.is_terminal() && !no_color;
        Self { out: Box::new(out), notes: Box::new(io::stderr()), styled, json }
    }

    /// Anywhere else, without styles: results to `out`, what is said beside them to `notes`.
    pub fn plain(out: Box<dyn Write + Send>, notes: Box<dyn Write + Send>, json: bool) -> Self {
        Self { out, notes, styled: false, json }
    }

    /// A line of text. A reader that went away is no reason to fail.
    pub fn line(&mut self, text: &str) {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        drop(written);
    }

    /// A line beside the result, for people: on standard error.
    pub fn note(&mut self, text: &str) {
        drop(writeln!(self.notes, "{text}"));
    }

    /// A JSON document, readable by people too.
    pub fn document(&mut self, value: &Value) {
        self.line(&format!("{value:#}"));
    }

    /// Text that stands out.
    pub fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text that stands back.
    pub fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Good news.
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Bad news.
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// News to think about.
    pub fn odd(&self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.styled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
