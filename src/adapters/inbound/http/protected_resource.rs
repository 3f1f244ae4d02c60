//! Says which authorization server has tokens for this one (RFC 9728, OAuth 2.0 Protected Resource Metadata).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::json;
use url::Url;

use super::bearer::{Access, Authenticator};
use super::envelope::RequestId;
use super::options::HttpOptions;
use super::rebinding::host_of;
use super::refusal::Refusal;
use super::state::Shared;

/// Where the metadata are; with the resource's own path behind it, where it has one.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// This server as a protected resource.
pub(super) struct Resource {
    /// Under which URL clients know it; `None`: under the one that they use.
    public: Option<Url>,
    scheme: &'static str,
    path: String,
    issuer: String,
    scopes: Vec<String>,
}

impl Resource {
    pub(super) fn new(access: &Access, options: &HttpOptions) -> Self {
        // A public URL that is only a host has MCP at its usual path; one with a path is the endpoint's.
        let public = options.public_url.clone().map(|mut url| {
            if url.path() == "/" {
                url.set_path(&options.path);
            }
            url.set_query(None);
            url.set_fragment(None);
            url
        });
        let path = public.as_ref().map_or(options.path.as_str(), Url::path);
        let path = path.trim_end_matches('/').to_owned();
        let admin = access.admin.as_ref().map(|admin| &admin.name);
        let scopes = access.required_scopes.iter().chain(admin).cloned().collect();
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        Self { public, scheme, path, issuer: access.issuer.clone(), scopes }
    }

    /// Scheme and authority, as a client that sent this knows them.
    fn origin(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        match &self.public {
            Some(url) => Some(url.origin().ascii_serialization()),
            None => Some(format!("{}://{}", self.scheme, host_of(uri, headers)?)),
        }
    }

    /// Where a client finds the metadata.
    pub(super) fn metadata_url(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        Some(format!("{}{WELL_KNOWN}{}", self.origin(uri, headers)?, self.path))
    }
}

/// The metadata. Public, so that any page may read them.
pub(super) async fn metadata(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let request_id = head.extensions.get::<RequestId>().cloned();
    let request_id = request_id.unwrap_or_else(|| RequestId::fresh(shared.ids.as_ref()));
    if let Err(refusal) = shared.rebinding.check_host(&head.uri, &head.headers) {
        return refusal.respond(&request_id);
    }
    let asked = head.uri.path().strip_prefix(WELL_KNOWN).unwrap_or_default().trim_end_matches('/');
    let resource = shared.authenticator.as_ref().map(Authenticator::resource);
    let found = resource.filter(|resource| asked.is_empty() || asked == resource.path);
    let origin = found.and_then(|resource| resource.origin(&head.uri, &head.headers));
    let Some((resource, origin)) = found.zip(origin) else {
        return Refusal::other(StatusCode::NOT_FOUND, "Not found").respond(&request_id);
    };
    let body = json!({
        "resource": format!("{origin}{}", resource.path),
        "authorization_servers": [resource.issuer],
        "scopes_supported": resource.scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "dynamic-mcp",
    });
    let mut response = Response::new(Body::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
