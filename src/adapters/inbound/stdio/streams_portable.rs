//! The standard streams where the system offers nothing better than a thread that blocks.

/// Standard input.
pub(super) fn input() -> tokio::io::Stdin {
    tokio::io::stdin()
}

/// Standard output.
pub(super) fn output() -> tokio::io::Stdout {
    tokio::io::stdout()
}
