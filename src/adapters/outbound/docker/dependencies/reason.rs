//! npm's own reason, out of all that it prints when it fails.

/// Longest reason, in characters.
const LONGEST: usize = 600;

/// What npm begins lines with that say more of an error.
const KINDS: [&str; 3] = ["404", "network", "notarget"];
/// Lines that help nobody here.
const NOISE: [&str; 12] = [
    "A complete log of this run",
    "Log files were not written",
    "errno ",
    "Note that you can also install from a",
    "tarball, folder, http url, or git url",
    "In most cases you or one of your dependencies are requesting",
    "a package version that doesn't exist",
    "This is a problem related to network connectivity",
    "In most cases you are behind a proxy",
    "If you are behind a proxy",
    "'proxy' config is set properly",
    "}",
];

/// The lines in which npm says what is wrong, as one sentence.
pub(super) fn of(status: &str, log: &str) -> String {
    if status == "127" {
        return "the image has no npm".to_owned();
    }
    let line = |line: &'_ str| {
        let said = line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"))?;
        // Where it was in its own code.
        let inside = said.starts_with("  ");
        let said = said.trim();
        // What kind of error it is was said at first.
        let said = KINDS.iter().find_map(|kind| said.strip_prefix(kind)).unwrap_or(said).trim();
        let noise = said.is_empty() || NOISE.iter().any(|noise| said.starts_with(noise));
        (!noise && !inside).then(|| said.to_owned())
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
        assert_eq!(of("1", log), "code E404; Not Found - GET https://r/x");
        assert_eq!(of("1", "npm ERR! code ETARGET\n"), "code ETARGET");
    }

    #[test]
    fn neither_where_it_was_nor_advice_for_elsewhere_is_told() {
        let log = "npm error code ECONNREFUSED\nnpm error errno ECONNREFUSED\n\
                   npm error FetchError: request to http://r/x failed\nnpm error     at f (/usr/npm/index.js:1:2) {\n\
                   npm error   port: 1\nnpm error }\nnpm error\nnpm error If you are behind a proxy, please make\n\
                   npm error 'proxy' config is set properly.  See: 'npm help config'\n";
        assert_eq!(of("1", log), "code ECONNREFUSED; FetchError: request to http://r/x failed");
    }

    #[test]
    fn it_is_never_empty_nor_endless() {
        assert_eq!(of("7", ""), "it ended with status 7");
        assert_eq!(of("137", "Killed\n\n"), "Killed");
        assert_eq!(of("127", "sh: npm: not found"), "the image has no npm");
        assert_eq!(of("1", &"x".repeat(5000)).len(), LONGEST);
    }
}
