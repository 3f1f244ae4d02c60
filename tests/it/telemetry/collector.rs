//! A collector of traces that keeps what it is sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

type Kept = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

pub(super) struct Collector {
    kept: Kept,
    pub(super) endpoint: String,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let kept = Kept::default();
        let router = Router::new().route("/v1/traces", post(keep)).with_state(Arc::clone(&kept));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { kept, endpoint }
    }

    /// Every span that has come, however it was packed.
    pub(super) fn spans(&self) -> Vec<Span> {
        let kept = self.kept.lock().unwrap();
        let resources = kept.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).cloned().collect()
    }

    /// The attributes of whoever sent them.
    pub(super) fn resource(&self, key: &str) -> Option<String> {
        let kept = self.kept.lock().unwrap();
        let resource = kept.first()?.resource_spans.first()?.resource.clone()?;
        text(&resource.attributes, key)
    }
}

async fn keep(State(kept): State<Kept>, body: Bytes) -> StatusCode {
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => {
            kept.lock().unwrap().push(request);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// An attribute as text.
pub(super) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
