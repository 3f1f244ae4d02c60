//! What PostgreSQL and the driver say, in the store's terms.

use sqlx::Error;

use crate::ports::StoreError;

/// SQLSTATE classes (the first two characters) that mean "not now": connection, resources, limits, the
/// operator's intervention, the system, and a rollback by the server.
const NOT_NOW: [&str; 6] = ["08", "53", "54", "57", "58", "40"];
/// SQLSTATE class of data corruption.
const DAMAGED: &str = "XX";

/// For a caller that can only try again or give up.
pub(super) fn store_error(error: Error) -> StoreError {
    let damaged = code_of(&error).is_some_and(|code| code.starts_with(DAMAGED));
    let reason = reason(&error).to_owned();
    let source = Some(error.into());
    if damaged {
        StoreError::Corrupt { reason, source }
    } else {
        StoreError::Unavailable { reason, source }
    }
}

/// Whether the statement itself was refused, so that trying its parts one by one tells which one it was.
pub(super) fn is_refusal(error: &Error) -> bool {
    code_of(error).is_some_and(|code| {
        !NOT_NOW.iter().any(|class| code.starts_with(class)) && !code.starts_with(DAMAGED)
    })
}

fn code_of(error: &Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

/// In words that hold no host, user or path.
pub(super) fn reason(error: &Error) -> &'static str {
    match error {
        Error::PoolTimedOut => "the database does not answer, or its connections are all in use",
        Error::PoolClosed => "the server is shutting down",
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) => {
            "the connection to the database was lost"
        }
        Error::Database(_) => match code_of(error).as_deref() {
            Some("53100") => "the database's disk is full",
            Some("53300") => "the database has no free connections",
            Some("57P01" | "57P02" | "57P03") => "the database is starting or shutting down",
            Some("25006") => "the database is read-only",
            Some(code) if code.starts_with("28") => "the database refused the login",
            Some(code) if code.starts_with("42") => "the database's tables are not as expected",
            _ => "the database refused the statement",
        },
        _ => "the database could not be used",
    }
}
