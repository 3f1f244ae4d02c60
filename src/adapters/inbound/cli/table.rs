//! A table for a terminal: columns as wide as their widest cell, two blanks between them.

/// Lines without trailing blanks. The last column may be as long as it likes. Control characters, which
/// could move the cursor, are replaced.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let all: Vec<Vec<String>> = std::iter::once(head.iter().map(|&cell| cell.to_owned()).collect())
        .chain(rows.iter().cloned())
        .map(|row: Vec<String>| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// The first line of a text, cut at `max` characters.
pub(super) fn shortened(text: &str, max: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let kept: String = line.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Text of a stranger's, safe to print.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_moves_the_cursor() {
        let rows = vec![
            vec!["a".to_owned(), "1".to_owned(), "x".to_owned()],
            vec!["längst".to_owned(), "10".to_owned(), "\u{1b}[2Jy".to_owned()],
        ];
        let lines = table(&["NAME", "N", ""], &rows);
        assert_eq!(lines, ["NAME    N", "a       1   x", "längst  10  \u{fffd}[2Jy"]);
    }

    #[test]
    fn long_lines_are_shortened_at_a_character() {
        assert_eq!(shortened("äöü\nx", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}
