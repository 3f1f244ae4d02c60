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

pub(crate) struct Collector {
    kept: Kept,
    pub(crate) endpoint: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let kept = Kept::default();
        let router = Router::new().route("/v1/traces", post(keep)).with_state(Arc::clone(&kept));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { kept, endpoint }
    }

    /// Every span that has come, however it was packed.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.told().into_iter().map(|(_, span)| span).collect()
    }

    /// The same, each with the instance that it came from.
    pub(crate) fn told(&self) -> Vec<(String, Span)> {
        let kept = self.kept.lock().unwrap();
        let resources = kept.iter().flat_map(|request| &request.resource_spans);
        let told = resources.flat_map(|sent| {
            let attributes = sent.resource.as_ref().map(|resource| &*resource.attributes);
            let from = text(attributes.unwrap_or_default(), "service.instance.id").unwrap();
            let spans = sent.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.map(move |span| (from.clone(), span.clone()))
        });
        told.collect()
    }

    /// The attributes of whoever sent them.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
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
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
