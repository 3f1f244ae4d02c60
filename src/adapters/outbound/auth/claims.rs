//! What a token says about its holder.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::Caller;

/// Longest name of a subject or client, in bytes: it is kept with sessions and written to logs.
const MAX_NAME_BYTES: usize = 1_024;

/// The claims that count here. The standard ones are judged by the library, beside which an issuer that is
/// a list is refused.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "iss")]
    _issuer: String,
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
