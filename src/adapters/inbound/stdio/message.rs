//! One line into one message, or into the answer that refuses it.

use rmcp::model::{ClientJsonRpcMessage, ErrorCode, JsonRpcMessage, RequestId};
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::{Value, json};

use super::super::mcp;
use super::lines::MAX_LINE;
use crate::domain::text::echo;

/// Some programs write it before the first line; RFC 8259 allows to ignore it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a line is.
pub(super) enum Read {
    /// A message.
    Message(Box<ClientJsonRpcMessage>),
    /// None; this line is to be answered.
    Refused(Vec<u8>),
    /// Nothing but white space.
    Nothing,
}

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Read {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    if line.iter().all(u8::is_ascii_whitespace) {
        return Read::Nothing;
    }
    match serde_json::from_slice(line) {
        Ok(message) => match bad_list(&message, line) {
            Some(answer) => Read::Refused(answer),
            None => Read::Message(Box::new(message)),
        },
        Err(error) if error.classify() == Category::Data => Read::Refused(not_a_message(line)),
        Err(error) => {
            let message = format!("Parse error: {error}");
            Read::Refused(refusal(ErrorCode::PARSE_ERROR, &message, id_of(line).as_ref()))
        }
    }
}

/// The answer to a line that is longer than allowed.
pub(super) fn too_long() -> Vec<u8> {
    let message = format!("Parse error: a line may have at most {MAX_LINE} bytes");
    refusal(ErrorCode::PARSE_ERROR, &message, None)
}

/// The answer to a request that comes while too many others are being handled.
pub(super) fn too_many(limit: usize, id: &RequestId) -> Vec<u8> {
    let message = format!("Too many requests are being handled: at most {limit} at once");
    refusal(ErrorCode(-32_000), &message, Some(&id.clone().into_json_value()))
}

/// The answer to a request whose id another one has that is not answered yet. It has no id itself: with it,
/// it would be taken for the other one's answer.
pub(super) fn id_in_use(id: &RequestId) -> Vec<u8> {
    let shown = echo(&id.to_string());
    let message =
        format!("Invalid Request: the id {shown} belongs to a request that is being handled");
    refusal(ErrorCode::INVALID_REQUEST, &message, None)
}

/// The answer to a handshake that can't be read; `None` for every other message.
pub(super) fn bad_handshake(message: &ClientJsonRpcMessage) -> Option<Vec<u8>> {
    let JsonRpcMessage::Request(request) = message else { return None };
    let error = mcp::bad_handshake(message)?;
    Some(refusal(error.code, &error.message, Some(&request.id.clone().into_json_value())))
}

/// The answer to a request for a list whose parameters can't be read; `None` for every other message.
fn bad_list(message: &ClientJsonRpcMessage, line: &[u8]) -> Option<Vec<u8>> {
    let JsonRpcMessage::Request(request) = message else { return None };
    let error = mcp::bad_list(request.request.method(), line)?;
    Some(refusal(error.code, &error.message, Some(&request.id.clone().into_json_value())))
}

/// JSON, but no message of the protocol.
fn not_a_message(line: &[u8]) -> Vec<u8> {
    let error = mcp::not_a_message(&serde_json::from_slice(line).unwrap_or_default());
    refusal(error.code, &error.message, id_of(line).as_ref())
}

/// What the request is known by, if it can be answered under that: without it the client would wait for ever. It is
/// found in what is no good JSON too, as long as its parts can be told from each other: half a surrogate pair, which
/// JavaScript writes and Unicode doesn't have, bytes that are not UTF-8, or values that are nested too deep.
fn id_of(line: &[u8]) -> Option<Value> {
    #[derive(Deserialize)]
    struct Message {
        id: Option<Value>,
    }
    // An array would be taken for an object whose members come in order.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let Message { id } = serde_json::from_slice(line).ok()?;
    id.filter(|id| id.is_string() || id.is_i64() || id.is_u64())
}

/// Written by hand, because the SDK leaves an unknown id out where JSON-RPC wants `null`.
fn refusal(code: ErrorCode, message: &str, id: Option<&Value>) -> Vec<u8> {
    let error = json!({ "code": code.0, "message": message });
    let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    let mut line = answer.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &[u8]) -> (i64, Value) {
        match read(line) {
            Read::Refused(answer) => {
                assert!(answer.ends_with(b"\n"));
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                assert_eq!(answer["jsonrpc"], "2.0");
                (answer["error"]["code"].as_i64().unwrap(), answer["id"].clone())
            }
            Read::Message(message) => panic!("read as {message:?}"),
            Read::Nothing => panic!("read as nothing"),
        }
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for line in [b"garbage".as_slice(), b"{\"jsonrpc\":", b"\xff\xfe\x00", deep.as_bytes()] {
            assert_eq!(refused(line), (-32_700, Value::Null));
        }
    }

    #[test]
    fn a_parse_error_is_one_of_the_request_whose_id_can_be_seen() {
        let nested = |id: &str| {
            let (open, close) = ("[".repeat(5_000), "]".repeat(5_000));
            format!(r#"{{"jsonrpc":"2.0","method":"ping","params":{open}{close},"id":{id}}}"#)
        };
        for (line, id) in [
            // Text that was cut in the middle of an emoji.
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"x\ud83d"}}"#.to_owned(),
                json!(7),
            ),
            (r#"{"jsonrpc":"2.0","id":"a","method":"x\uDC00y"}"#.to_owned(), json!("a")),
            (r#"{"jsonrpc":"2.0","id":7,"method":"\ud83d}"#.to_owned(), Value::Null),
            (nested("9"), json!(9)),
            (nested("{}"), Value::Null),
            (nested("1,\"id\":2"), Value::Null),
        ] {
            assert_eq!(refused(line.as_bytes()), (-32_700, id), "{line}");
        }
        let no_utf8 = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}";
        assert_eq!(refused(no_utf8), (-32_700, json!(1)));
    }

    #[test]
    fn parameters_that_are_no_object_are_invalid() {
        for (params, method) in [
            ("[]", "tools/list"),
            ("5", "ping"),
            (r#""x""#, "tools/call"),
            (r#"{"_meta":5}"#, "tools/call"),
            (r#"{"_meta":[]}"#, "nope"),
            (r#"{"cursor":5}"#, "tools/list"),
            (r#"{"cursor":{},"_meta":{}}"#, "prompts/list"),
            (r#"{"cursor":[]}"#, "resources/templates/list"),
        ] {
            let line =
                format!(r#"{{"jsonrpc":"2.0","id":3,"method":"{method}","params":{params}}}"#);
            assert_eq!(refused(line.as_bytes()), (-32_602, json!(3)), "{line}");
        }
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request() {
        for (line, id) in [
            ("42", Value::Null),
            ("null", Value::Null),
            ("[]", Value::Null),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Value::Null),
            ("{}", Value::Null),
            (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, json!(7)),
            (r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":5}"#, Value::Null),
            (r#"{"jsonrpc":"2.0","id":"a","method":5}"#, json!("a")),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Value::Null),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, Value::Null),
        ] {
            assert_eq!(refused(line.as_bytes()), (-32_600, id), "{line}");
        }
    }

    #[test]
    fn messages_are_read_with_or_without_a_byte_order_mark() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        for line in [ping.to_owned(), format!("\u{feff}{ping}"), format!("  {ping} ")] {
            assert!(matches!(read(line.as_bytes()), Read::Message(_)), "{line}");
        }
        assert!(matches!(read(b" \t"), Read::Nothing));
    }
}
