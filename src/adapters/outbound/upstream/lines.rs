//! Messages as lines, with a limit on each.
//!
//! A line over the limit is dropped while it comes, and answered in the server's place by an error to whoever
//! waits for it; a line that is not a message is passed over, as other clients do.

use std::io;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use rmcp::RoleClient;
use rmcp::model::{
    ClientJsonRpcMessage, ErrorCode, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_util::codec::{Decoder, FramedRead, FramedWrite, LinesCodec};

use super::fault::OVERSIZED;

/// How much of a line over the limit is searched for the request that it answers.
const HEAD: usize = 1024;
/// Most bytes taken at once where a line is dropped.
const CHUNK: usize = 64 << 10;

/// The transport over a program's streams.
pub(super) struct Lines<R, W> {
    input: FramedRead<R, Bounded>,
    output: Arc<Mutex<Option<FramedWrite<W, LinesCodec>>>>,
}

impl<R: AsyncRead, W: AsyncWrite> Lines<R, W> {
    pub(super) fn new(input: R, output: W, max_bytes: usize) -> Self {
        let output = FramedWrite::new(output, LinesCodec::new());
        Self {
            input: FramedRead::with_capacity(input, Bounded::new(max_bytes), CHUNK),
            output: Arc::new(Mutex::new(Some(output))),
        }
    }
}

impl<R, W> Transport<RoleClient> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let output = Arc::clone(&self.output);
        async move {
            let line = serde_json::to_string(&message)?;
            let mut output = output.lock().await;
            let output = output.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
            output.send(line).await.map_err(io::Error::other)
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            match self.input.next().await?.ok()? {
                Line::Whole(line) => match serde_json::from_slice(&line) {
                    Ok(message) => return Some(message),
                    Err(error) => {
                        // Without the line itself, which may hold anything.
                        tracing::debug!(
                            bytes = line.len(),
                            kind = ?error.classify(),
                            "an upstream sent a line that is not a message"
                        );
                    }
                },
                Line::Oversized(Some(id)) => {
                    let limit = self.input.decoder().max_bytes;
                    let message = format!("{OVERSIZED}{limit} bytes");
                    let error = ErrorData::new(ErrorCode::INTERNAL_ERROR, message, None);
                    return Some(JsonRpcMessage::error(error, Some(id)));
                }
                Line::Oversized(None) => {
                    tracing::warn!("an upstream sent a line over the limit, which was dropped");
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        *self.output.lock().await = None;
        Ok(())
    }
}

/// A line that came.
pub(super) enum Line {
    Whole(BytesMut),
    /// Longer than the limit, and the request that it seems to answer.
    Oversized(Option<RequestId>),
}

/// Splits at line feeds, and never holds more than the limit and a chunk.
pub(super) struct Bounded {
    max_bytes: usize,
    /// Bytes known to hold no line feed.
    searched: usize,
    dropping: bool,
}

impl Bounded {
    pub(super) const fn new(max_bytes: usize) -> Self {
        Self { max_bytes, searched: 0, dropping: false }
    }
}

impl Decoder for Bounded {
    type Item = Line;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Line>, io::Error> {
        loop {
            let unsearched = source.get(self.searched..).unwrap_or_default();
            let end = unsearched.iter().position(|byte| *byte == b'\n');
            let end = end.map(|at| at + self.searched);
            match end {
                Some(at) if self.dropping => {
                    source.advance(at + 1);
                    self.dropping = false;
                    self.searched = 0;
                }
                Some(at) if at <= self.max_bytes => {
                    let line = source.split_to(at);
                    source.advance(1);
                    self.searched = 0;
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        return Ok(Some(Line::Whole(line)));
                    }
                }
                None if self.dropping => {
                    source.clear();
                    return Ok(None);
                }
                None if source.len() <= self.max_bytes => {
                    self.searched = source.len();
                    return Ok(None);
                }
                _ => {
                    let head = source.get(..HEAD.min(source.len())).unwrap_or_default();
                    let id = answered(head);
                    self.dropping = true;
                    self.searched = 0;
                    return Ok(Some(Line::Oversized(id)));
                }
            }
        }
    }
}

/// The id at the beginning of a response, where every known server writes it.
fn answered(head: &[u8]) -> Option<RequestId> {
    let text = String::from_utf8_lossy(head);
    let before_result = text.split("\"result\"").next()?;
    let (_, after) = before_result.split_once("\"id\"")?;
    let digits: String = after
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok().map(RequestId::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[&[u8]], max: usize) -> Vec<String> {
        let (mut codec, mut source, mut seen) = (Bounded::new(max), BytesMut::new(), Vec::new());
        for part in input {
            source.extend_from_slice(part);
            while let Some(line) = codec.decode(&mut source).unwrap() {
                seen.push(match line {
                    Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Line::Oversized(id) => format!("over {id:?}"),
                });
            }
        }
        seen
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        assert_eq!(lines(&[b"ab", b"c\nd", b"ef\n\n \r\nx\n"], 10), ["abc", "def", "x"]);
    }

    #[test]
    fn a_long_line_is_dropped_and_the_next_one_is_read() {
        let long =
            [b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"".as_slice(), &[b'x'; 100]].concat();
        let seen = lines(&[&long, &[b'y'; 500], b"\nabc\n"], 64);
        assert_eq!(seen, ["over Some(Number(7))", "abc"]);
    }

    #[test]
    fn an_id_inside_a_result_is_not_the_messages_own() {
        assert_eq!(answered(b"{\"result\":{\"id\":3"), None);
        assert_eq!(answered(b"{\"id\" : 12, \"result\": "), Some(RequestId::Number(12)));
        assert_eq!(answered(b"garbage"), None);
    }
}
