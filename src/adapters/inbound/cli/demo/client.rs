//! As much of an MCP client as the demonstration needs: it speaks to the server over a real socket, so that
//! what is shown is what any client would see.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::adapters::inbound::cli::CommandError;
use crate::app::System;

/// The revision of MCP that the demonstration speaks: the newest with sessions.
const REVISION: &str = "2025-11-25";

/// A client with a session.
pub(super) struct Client {
    address: SocketAddr,
    path: String,
    session: Option<String>,
    next_id: u64,
}

/// What a tool answered.
pub(super) struct Answer {
    pub(super) is_error: bool,
    pub(super) text: String,
    pub(super) structured: Value,
}

impl Client {
    /// Initializes a session; answers with it, and with what the server says of itself.
    pub(super) async fn connect(
        address: SocketAddr,
        path: &str,
    ) -> Result<(Self, Value), CommandError> {
        let mut client = Self { address, path: path.to_owned(), session: None, next_id: 0 };
        let hello = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": { "name": "dynamic-mcp demo", "version": System::VERSION },
        });
        let server = client.request("initialize", hello).await?;
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        client.post(&initialized).await?;
        Ok((client, server))
    }

    /// Calls a tool.
    pub(super) async fn call(
        &mut self,
        tool: &str,
        arguments: Value,
    ) -> Result<Answer, CommandError> {
        let params = json!({ "name": tool, "arguments": arguments });
        let result = self.request("tools/call", params).await?;
        let at = |pointer: &str| result.pointer(pointer).unwrap_or(&Value::Null);
        Ok(Answer {
            is_error: at("/isError").as_bool().unwrap_or(false),
            text: at("/content/0/text").as_str().unwrap_or_default().to_owned(),
            structured: at("/structuredContent").clone(),
        })
    }

    /// Sends a request and waits for its result.
    pub(super) async fn request(
        &mut self,
        method: &str,
        params: Value,
    ) -> Result<Value, CommandError> {
        self.next_id += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params });
        let text = self.post(&message).await?;
        let answer = answer(&text, self.next_id)
            .ok_or_else(|| CommandError::new(format!("{method} was not answered: {text}")))?;
        match answer.get("error") {
            Some(error) => Err(CommandError::new(format!("{method} failed: {error}"))),
            None => Ok(answer.get("result").cloned().unwrap_or_default()),
        }
    }

    async fn post(&mut self, message: &Value) -> Result<String, CommandError> {
        let fail = |error: &dyn std::fmt::Display| {
            CommandError::new(format!("the demonstration's client failed: {error}"))
        };
        let stream = TcpStream::connect(self.address).await.map_err(|error| fail(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| fail(&error))?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONNECTION, "close")
            .header("mcp-protocol-version", REVISION);
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        let request = request
            .body(Full::new(Bytes::from(message.to_string())))
            .map_err(|error| fail(&error))?;
        // The connection ends once its sender is gone and the server has closed its side.
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        let (exchanged, _) = tokio::join!(exchange, connection);
        let (head, body) = exchanged.map_err(|error| fail(&error))?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if !matches!(head.status, StatusCode::OK | StatusCode::ACCEPTED) {
            return Err(fail(&format!("{} {text}", head.status)));
        }
        if let Some(session) = head.headers.get("mcp-session-id") {
            self.session = session.to_str().ok().map(str::to_owned);
        }
        Ok(text)
    }
}

/// The answer to request `id` in a body that is JSON, or a stream of events that each hold JSON.
fn answer(body: &str, id: u64) -> Option<Value> {
    let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
    std::iter::once(body)
        .chain(events)
        .filter_map(|text| serde_json::from_str::<Value>(text.trim()).ok())
        .find(|message| message.get("id").and_then(Value::as_u64) == Some(id))
}
