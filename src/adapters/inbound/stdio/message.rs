//! One line into one message, or into the answer that refuses it.

use rmcp::model::{ClientJsonRpcMessage, ErrorCode, JsonRpcMessage, RequestId};
use serde_json::error::Category;
use serde_json::{Value, json};

use super::super::mcp;
use super::lines::MAX_LINE;

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
        Ok(message) => Read::Message(Box::new(message)),
        Err(error) if error.classify() == Category::Data => Read::Refused(not_a_message(line)),
        Err(error) => {
            let message = format!("Parse error: {error}");
            let id = id_beside_surrogates(line);
            Read::Refused(refusal(ErrorCode::PARSE_ERROR, &message, id.as_ref()))
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
    let shown: String = id.to_string().chars().take(80).collect();
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

/// JSON, but no message of the protocol.
fn not_a_message(line: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    if value.is_array() {
        let message = "Invalid Request: batches are not served; send one message a line";
        return refusal(ErrorCode::INVALID_REQUEST, message, None);
    }
    let id = id_of(&value);
    let message = "Invalid Request: not a JSON-RPC 2.0 request, notification or response of MCP";
    refusal(ErrorCode::INVALID_REQUEST, message, id)
}

/// What the request is known by, if it can be answered under that.
fn id_of(message: &Value) -> Option<&Value> {
    message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64())
}

/// The id of a line that is JSON but for halves of surrogate pairs, which JavaScript writes as escapes and Unicode
/// doesn't have. Without it the client would wait for ever for an answer to its request.
fn id_beside_surrogates(line: &[u8]) -> Option<Value> {
    let mut line = line.to_vec();
    for at in 0..line.len() {
        let escape = line.get_mut(at..at + 6);
        if let Some([b'\\', b'u', digits @ ..]) = escape
            && let [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', _, _] = digits
        {
            digits.copy_from_slice(b"fffd");
        }
    }
    let message: Value = serde_json::from_slice(&line).ok()?;
    id_of(&message).cloned()
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
        let deep_params = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}{}}}"#,
            "[".repeat(5_000),
            "]".repeat(5_000)
        );
        for line in [
            b"garbage".as_slice(),
            b"{\"jsonrpc\":",
            b"\xff\xfe\x00",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
            deep.as_bytes(),
            deep_params.as_bytes(),
        ] {
            assert_eq!(refused(line), (-32_700, Value::Null));
        }
    }

    /// Text that was cut in the middle of an emoji.
    #[test]
    fn half_of_a_surrogate_pair_is_a_parse_error_of_the_request_that_has_it() {
        for (text, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"x\ud83d"}}"#, json!(7)),
            (r#"{"jsonrpc":"2.0","id":"a","method":"x\uDC00y"}"#, json!("a")),
            (r#"{"jsonrpc":"2.0","id":7,"method":"\ud83d}"#, Value::Null),
        ] {
            assert_eq!(refused(text.as_bytes()), (-32_700, id), "{text}");
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
