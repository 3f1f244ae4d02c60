//! Which setting was meant by a name that is none.

use crate::app::config::{Setting, settings};

/// The setting whose variable, flag or key looks most like `word`, if one does.
pub(super) fn similar(word: &str, spelling: impl Fn(&Setting) -> String) -> Option<String> {
    settings()
        .map(spelling)
        .map(|known| (distance(word, &known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 6)
        .min()
        .map(|(_, known)| known)
}

/// How many bytes have to be put in, left out, changed, or swapped with their neighbour (optimal string
/// alignment); both are short ASCII names.
fn distance(a: &str, b: &str) -> usize {
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
    let b = b.as_bytes();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, x) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        let mut left = None;
        for (j, &y) in b.iter().enumerate() {
            let changed = at(&row, j) + usize::from(x != y);
            let mut best = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            if last == Some(y) && left == Some(x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
            left = Some(y);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(x);
    }
    at(&row, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let near = |word| similar(word, |setting| setting.name.to_owned());
        assert_eq!(near("MCP_DYNAMIC_READONLY").as_deref(), Some("MCP_DYNAMIC_READ_ONLY"));
        assert_eq!(near("MCP_PROT").as_deref(), Some("MCP_PORT"));
        assert_eq!(near("MCP_TIMEOUT_OF_SOMEBODY_ELSE"), None);
    }
}
