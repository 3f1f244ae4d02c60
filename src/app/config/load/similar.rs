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

/// Levenshtein's distance, in bytes: both are short ASCII names.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (y, pair) in b.bytes().zip(row.windows(2)) {
            let (corner, above) = match pair {
                [corner, above] => (*corner, *above),
                _ => continue,
            };
            left = (corner + usize::from(x != y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
