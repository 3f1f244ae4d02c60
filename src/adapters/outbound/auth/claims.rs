//! What a token says about its holder.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::Caller;

/// Longest name of a subject or client, in bytes: it is kept with sessions and written to logs.
const MAX_NAME_BYTES: usize = 1_024;

/// The claims that count here. The standard ones are judged by the library, beside which an issuer that is
/// a list is refused.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "iss")]
    _issuer: String,
    #[serde(default)]
    exp: Value,
    sub: Option<String>,
    client_id: Option<String>,
    azp: Option<String>,
    scope: Option<Words>,
    scp: Option<Words>,
}

/// Words parted by blanks, as the standard has it (RFC 8693, section 4.2), or a list, as some issuers do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn each(&self) -> impl Iterator<Item = &str> {
        let (text, list) = match self {
            Self::Text(text) => (text.as_str(), &[][..]),
            Self::List(list) => ("", list.as_slice()),
        };
        text.split_ascii_whitespace().chain(list.iter().map(String::as_str))
    }
}

impl Claims {
    /// From when on it is accepted no more, where that is so much later than it says.
    pub(super) fn ends(&self, leeway: Duration) -> DateTime<Utc> {
        // No more than the library allows, which rounds.
        let seconds = self.exp.as_f64().unwrap_or_default().floor();
        // What is too large to be a time never comes.
        let since = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let since = TimeDelta::from_std(since.saturating_add(leeway)).unwrap_or(TimeDelta::MAX);
        DateTime::UNIX_EPOCH.checked_add_signed(since).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The holder. `None` if it has no name, or none that can be kept.
    pub(super) fn caller(&self) -> Option<Caller> {
        let named = |name: &Option<String>| {
            name.as_deref().filter(|name| !name.is_empty()).map(Arc::<str>::from)
        };
        let client =
            named(&self.client_id).or_else(|| named(&self.azp)).or_else(|| named(&self.sub))?;
        let subject = named(&self.sub).unwrap_or_else(|| Arc::clone(&client));
        let scopes = [&self.scope, &self.scp].into_iter().flatten().flat_map(Words::each);
        let scopes: BTreeSet<&str> = scopes.collect();
        (subject.len() <= MAX_NAME_BYTES && client.len() <= MAX_NAME_BYTES).then(|| Caller {
            subject: Some(subject),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            client: Some(client),
        })
    }
}
