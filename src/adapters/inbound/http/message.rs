//! A first look at a JSON-RPC message: only what has to be known before the SDK parses it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::mcp;
use super::refusal::Refusal;

/// What a message is, as far as the transport cares.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallMessage<'a> {
    #[serde(borrow)]
    params: CallParams<'a>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Longest id that is repeated in a refusal, in bytes.
    const MAX_ID_LEN: usize = 256;

    /// Looks at a body. Refuses what is not one JSON object; whether that is a message of MCP is for the
    /// SDK to find out. A member that comes twice is refused, so that nobody reads another one than we do.
    pub(super) fn peek(body: &'a [u8]) -> Result<Self, Refusal> {
        // The parser would take an array for an object whose members come in order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Self::refusal_for(body));
        }
        serde_json::from_slice(body).map_err(|_| Self::refusal_for(body))
    }

    /// Why a body that some parser did not take is refused: it is not JSON, or not a message.
    pub(super) fn refusal_for(body: &[u8]) -> Refusal {
        match serde_json::from_slice::<Value>(body) {
            Err(error) => Refusal::not_json(&error.to_string()),
            Ok(message) => Refusal::misuse(mcp::not_a_message(&message)),
        }
    }

    /// Why a body that asks for a session can't have one: the SDK would take it for something else.
    pub(super) fn bad_handshake(body: &[u8]) -> Option<Refusal> {
        mcp::bad_handshake(&serde_json::from_slice(body).ok()?).map(Refusal::misuse)
    }

    /// Why a body that asks for a list can't have it: the SDK would take it for something else.
    pub(super) fn bad_list(&self, body: &[u8]) -> Option<Refusal> {
        let method = self.method.as_deref().filter(|_| self.is_request())?;
        mcp::bad_list(method, body).map(Refusal::misuse)
    }

    /// Whether an answer is due.
    pub(super) fn is_request(&self) -> bool {
        self.method.is_some() && self.id.is_some()
    }

    /// Whether this asks for a session.
    pub(super) fn is_initialize(&self) -> bool {
        self.is_request() && self.method.as_deref() == Some("initialize")
    }

    /// Whether this asks for log entries.
    pub(super) fn is_set_level(&self) -> bool {
        self.is_request() && self.method.as_deref() == Some("logging/setLevel")
    }

    /// Whether this calls a tool.
    pub(super) fn is_call(&self) -> bool {
        self.is_request() && self.method.as_deref() == Some("tools/call")
    }

    /// The tool that a call names, and its arguments; `None` if that can't be read.
    pub(super) fn called(body: &[u8]) -> Option<(Cow<'_, str>, Option<&RawValue>)> {
        let CallMessage { params } = serde_json::from_slice(body).ok()?;
        Some((params.name, params.arguments))
    }

    /// Whether this takes back a request.
    pub(super) fn is_cancellation(&self) -> bool {
        self.id.is_none() && self.method.as_deref() == Some("notifications/cancelled")
    }

    /// Whether this answers what the server has asked.
    pub(super) fn is_answer(&self) -> bool {
        self.method.is_none() && self.id.is_some()
    }

    /// The id as it stands there.
    pub(super) fn raw_id(&self) -> Option<&'a RawValue> {
        self.id
    }

    /// Whether this opens a stream that stays open until somebody closes it.
    pub(super) fn is_subscription(&self) -> bool {
        self.method.as_deref() == Some("subscriptions/listen")
    }

    /// The id, to repeat it in a refusal: a string or a number of reasonable length. What only looks like one, as
    /// `1e400` does or half a surrogate pair, can't be repeated.
    pub(super) fn id(&self) -> Option<Box<RawValue>> {
        let id = self.id?;
        let repeatable = id.get().len() <= Self::MAX_ID_LEN
            && serde_json::from_str::<Value>(id.get())
                .is_ok_and(|id| id.is_string() || id.is_number());
        repeatable.then(|| id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_matters() {
        let call = Message::peek(br#" {"jsonrpc":"2.0","id":"a","method":"tools/call"} "#).unwrap();
        assert!(call.is_request() && !call.is_initialize());
        assert_eq!(call.id().unwrap().get(), r#""a""#);
        let note = Message::peek(br#"{"method":"initialize"}"#).unwrap();
        assert!(!note.is_request() && !note.is_initialize());
        let escaped = Message::peek(br#"{"id":1,"me\u0074hod":"initiali\u007ae"}"#).unwrap();
        assert!(escaped.is_initialize());
        for id in [r#"{"x":1}"#, "[]", "true", "null", "1e400", r#""\ud83d""#] {
            let body = format!(r#"{{"id":{id},"method":"m"}}"#);
            assert!(Message::peek(body.as_bytes()).unwrap().id().is_none(), "{id}");
        }
    }

    #[test]
    fn refuses_what_is_no_object() {
        for body in ["", "{", "nope", "[1", "{\"a\":1}x", "1 2"] {
            let refusal = format!("{:?}", Message::peek(body.as_bytes()).unwrap_err());
            assert!(refusal.contains("-32700"), "{body}: {refusal}");
        }
        for body in ["1", "\"text\"", "[]", "[{}]", "null", r#"{"id":1,"id":2}"#] {
            let refusal = format!("{:?}", Message::peek(body.as_bytes()).unwrap_err());
            assert!(refusal.contains("-32600"), "{body}: {refusal}");
        }
    }
}
