//! Texts into words: lower case, without plural endings, each part of a compound name for itself.

/// Longest word that is kept, in characters: what is longer is no word that anybody looks for.
const MAX_CHARS: usize = 64;

/// The words of a text. `parseHTTPHeader-v2` has `parse`, `http`, `header`, `v2`. Scripts that put no space
/// between words give each of their characters.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).flat_map(parts).map(|part| {
        let lower: String = part.chars().flat_map(char::to_lowercase).take(MAX_CHARS).collect();
        singular(lower)
    })
}

/// The parts of a run of letters and digits.
fn parts(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    let mut following = run.char_indices().peekable();
    while let Some((at, c)) = following.next() {
        let next = following.peek().map(|(_, next)| *next);
        let begins = previous.is_some_and(|before| {
            let hump = before.is_lowercase() && c.is_uppercase();
            let acronym =
                before.is_uppercase() && c.is_uppercase() && next.is_some_and(char::is_lowercase);
            hump || acronym || unspaced(before) || unspaced(c)
        });
        if begins {
            parts.extend(run.get(start..at));
            start = at;
        }
        previous = Some(c);
    }
    parts.extend(run.get(start..).filter(|rest| !rest.is_empty()));
    parts
}

/// Whether a character belongs to a script without spaces between words (Kana and Han).
const fn unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Without an English plural's ending. The S-stemmer of Harman, "How Effective Is Suffixing?" (1991).
fn singular(mut word: String) -> String {
    let ends = |ending: &str| word.ends_with(ending);
    if word.chars().count() <= 3 {
        return word;
    }
    if ends("ies") {
        if !ends("eies") && !ends("aies") {
            word.truncate(word.len() - 3);
            word.push('y');
        }
    } else if ends("es") {
        if !ends("aes") && !ends("ees") && !ends("oes") {
            word.pop();
        }
    } else if ends("s") && !ends("us") && !ends("ss") {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn texts_fall_into_words() {
        for (text, expected) in [
            ("text.upper_case", vec!["text", "upper", "case"]),
            ("parseHTTPHeader-v2", vec!["parse", "http", "header", "v2"]),
            ("Queries, classes & buses!", vec!["query", "classe", "buse"]),
            ("class status dns", vec!["class", "status", "dns"]),
            ("STRASSE straße", vec!["strasse", "straße"]),
            ("翻译PDF", vec!["翻", "译", "pdf"]),
            ("", vec![]),
            ("...", vec![]),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
        assert_eq!(all(&"x".repeat(1_000))[0].len(), MAX_CHARS);
    }
}
