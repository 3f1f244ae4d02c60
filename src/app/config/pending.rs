//! Settings that ask for a part which this version does not have.
//!
//! They end the start: a server must never be more open, or keep less, than it was told to. A part that is
//! built removes its lines here.

use super::error::ConfigError;
use super::sandbox;
use super::setting::{Kind, Setting};
use super::values::Values;

/// A part, and the setting that asks for it.
struct Pending {
    setting: &'static Setting,
    /// The value that asks for it; `None`: any.
    value: Option<&'static str>,
    part: &'static str,
    instead: &'static str,
}

const fn pending(
    setting: &'static Setting,
    value: Option<&'static str>,
    part: &'static str,
    instead: &'static str,
) -> Pending {
    Pending { setting, value, part, instead }
}

static PENDING: [Pending; 1] =
    [pending(&sandbox::SECRETS_FILE, None, "secrets for tools", "leave it out")];

/// Refuses what was explicitly asked for and is not there; a default asks for nothing.
pub(super) fn check(values: &Values) -> Result<(), ConfigError> {
    for Pending { setting, value, part, instead } in &PENDING {
        let Some(origin) = values.origin(setting) else {
            continue;
        };
        let asked = match (value, setting.kind) {
            (None, _) => true,
            (Some(_), Kind::Switch) => values.switch(setting, false)?,
            (Some(word), _) => values.word(setting)? == *word,
        };
        if asked {
            let asked = value.map_or_else(
                || setting.name.to_owned(),
                |value| format!("{}={value}", setting.name),
            );
            return Err(ConfigError::NotAvailable { asked, origin: origin.clone(), part, instead });
        }
    }
    Ok(())
}
