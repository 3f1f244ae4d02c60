//! Patterns: ECMA-262 expressions run by an engine whose time is linear in the text, within limits of size.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::domain::text::echo;

/// Sizes that a compiled pattern may have, in bytes, and what matching then costs in steps per byte of text
/// at worst. The engine visits each state of the pattern at most once a byte.
const CLASSES: [(usize, u64); 4] =
    [(4 << 10, 4), (32 << 10, 32), (256 << 10, 256), (1 << 20, 1_024)];
/// Most bytes of all the patterns of a schema together.
const BUDGET: usize = 2 << 20;
/// Most patterns of a schema.
const MAX_PATTERNS: usize = 256;
/// Longest pattern, in bytes.
const MAX_BYTES: usize = 4_096;
/// The engine's cache of states, in bytes.
const CACHE_BYTES: usize = 128 << 10;

/// A compiled pattern.
pub(super) struct Pattern {
    regex: Regex,
    source: String,
    steps_per_byte: u64,
}

impl Pattern {
    /// Whether it matches anywhere in the text: a pattern is not anchored.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// What [`is_match`](Self::is_match) costs at worst, in steps.
    pub(super) const fn cost(&self, text: &str) -> u64 {
        (text.len() as u64 + 1).saturating_mul(self.steps_per_byte)
    }

    /// As the author wrote it.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

/// The patterns of one schema, each compiled once.
#[derive(Default)]
pub(super) struct Patterns {
    known: HashMap<String, Arc<Pattern>>,
    spent: usize,
}

impl Patterns {
    /// Compiles a pattern, or says why it can't be used.
    pub(super) fn compile(&mut self, source: &str) -> Result<Arc<Pattern>, String> {
        if let Some(known) = self.known.get(source) {
            return Ok(Arc::clone(known));
        }
        if self.known.len() >= MAX_PATTERNS {
            return Err(format!(
                "schema too complex to validate safely: more than {MAX_PATTERNS} different patterns"
            ));
        }
        if source.len() > MAX_BYTES {
            return Err(format!("a pattern may have at most {MAX_BYTES} bytes"));
        }
        let translated = jsonschema_regex::to_rust_regex(source)
            .map_err(|()| refusal(source, "it is not a valid ECMA-262 expression"))?;
        for (size, steps_per_byte) in CLASSES {
            if self.spent + size > BUDGET {
                break;
            }
            let built =
                RegexBuilder::new(&translated).size_limit(size).dfa_size_limit(CACHE_BYTES).build();
            match built {
                Ok(regex) => {
                    self.spent += size;
                    let pattern =
                        Arc::new(Pattern { regex, source: source.to_owned(), steps_per_byte });
                    self.known.insert(source.to_owned(), Arc::clone(&pattern));
                    return Ok(pattern);
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(refusal(source, &error.to_string())),
            }
        }
        Err(format!(
            "schema too complex to validate safely: the pattern {} (or all patterns together) would be too \
             large once compiled; use smaller repetitions",
            clip(source)
        ))
    }
}

fn refusal(source: &str, why: &str) -> String {
    if has_look_around(source) {
        return format!(
            "the pattern {} uses look-around or a back-reference, which can't be checked in bounded time; \
             say it with allOf, not and several patterns",
            clip(source)
        );
    }
    let why = why.lines().last().unwrap_or_default();
    format!("the pattern {} can't be used: {}", clip(source), why.trim_start_matches("error: "))
}

fn has_look_around(source: &str) -> bool {
    let back_reference =
        source.as_bytes().windows(2).any(|pair| matches!(pair, [b'\\', b'1'..=b'9' | b'k']));
    back_reference || ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|form| source.contains(form))
}

fn clip(source: &str) -> String {
    format!("{:?}", echo(source))
}
