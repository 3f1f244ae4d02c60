//! npm's own reason, out of all that it prints when it fails.

/// Longest reason, in characters.
const LONGEST: usize = 600;

/// The lines in which npm says what is wrong, as one sentence.
pub(super) fn of(status: &str, log: &str) -> String {
    if status == "127" {
        return "the image has no npm".to_owned();
    }
    let line = |line: &'_ str| {
        let said = line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"))?;
        let said = said.trim();
        let noise = said.is_empty()
            || said.starts_with("A complete log of this run")
            || said.starts_with("Log files were not written");
        (!noise).then(|| said.to_owned())
    };
    let mut lines: Vec<String> = log.lines().filter_map(line).collect();
    lines.dedup();
    let said = if lines.is_empty() {
        let last = log.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(|| format!("it ended with status {status}"), |line| line.trim().to_owned())
    } else {
        lines.join("; ")
    };
    said.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_npm_says_is_wrong() {
        let log = "npm warn old\nnpm error code E404\nnpm error 404 Not Found - GET https://r/x\nnpm error 404\n\
                   npm error A complete log of this run can be found in: /tmp/x.log\n";
        assert_eq!(of("1", log), "code E404; 404 Not Found - GET https://r/x; 404");
        assert_eq!(of("1", "npm ERR! code ETARGET\n"), "code ETARGET");
    }

    #[test]
    fn it_is_never_empty_nor_endless() {
        assert_eq!(of("7", ""), "it ended with status 7");
        assert_eq!(of("137", "Killed\n\n"), "Killed");
        assert_eq!(of("127", "sh: npm: not found"), "the image has no npm");
        assert_eq!(of("1", &"x".repeat(5000)).len(), LONGEST);
    }
}
