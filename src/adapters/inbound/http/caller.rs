//! Who makes a call over HTTP.

use http::request::Parts;
use rmcp::model::Extensions;

use crate::domain::Caller;

/// The caller that whatever judges credentials has put into the request's extensions; `None` where nobody
/// asks for any.
pub fn caller(extensions: &Extensions) -> Option<Caller> {
    extensions.get::<Parts>()?.extensions.get::<Caller>().cloned()
}
