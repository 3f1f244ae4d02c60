//! What one process tells the others that have the same schema.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A process and its schema, as announcements name them.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) schema: String,
    pub(super) instance: String,
}

/// An announcement's payload.
#[derive(Serialize, Deserialize)]
struct Announcement<T> {
    schema: String,
    #[serde(rename = "instanceId")]
    instance: String,
    #[serde(flatten)]
    what: T,
}

impl Origin {
    /// The payload that tells this. Its size is limited to 7,999 bytes by PostgreSQL.
    pub(super) fn announce(&self, what: impl Serialize) -> String {
        let (schema, instance) = (self.schema.clone(), self.instance.clone());
        // A struct of texts always has a JSON form.
        serde_json::to_string(&Announcement { schema, instance, what }).unwrap_or_default()
    }

    /// What a payload tells this process; nothing where it comes from the process itself or from another schema, or
    /// can't be read.
    pub(super) fn heard<T: DeserializeOwned>(&self, payload: &str) -> Option<T> {
        let heard: Announcement<T> = serde_json::from_str(payload).ok()?;
        (heard.schema == self.schema && heard.instance != self.instance).then_some(heard.what)
    }
}
