//! The issuer as an authorization server (RFC 8414, RFC 7591, RFC 6749 with PKCE, RFC 8707): everybody may
//! register, and whoever asks is `alice`, who says yes at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, body::Body};
use dynamic_mcp::adapters::outbound::clock::RandomIds;
use dynamic_mcp::ports::Ids as _;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::keys::base64url;
use super::{Inner, good_claims};

type Fields = BTreeMap<String, String>;

/// What it has given out.
#[derive(Default)]
pub(super) struct Desk {
    codes: Mutex<HashMap<String, Fields>>,
    refreshes: Mutex<HashMap<String, Fields>>,
}

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/.well-known/{*document}", get(metadata))
        .route("/register", post(register))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
}

async fn metadata(State(issuer): State<Arc<Inner>>, Path(document): Path<String>) -> Response {
    if document != "oauth-authorization-server" {
        return answer(StatusCode::NOT_FOUND, &json!({}));
    }
    let url = &issuer.url;
    answer(
        StatusCode::OK,
        &json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "registration_endpoint": format!("{url}/register"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        }),
    )
}

async fn register(body: Bytes) -> Response {
    let mut client: Value = serde_json::from_slice(&body).unwrap();
    client["client_id"] = RandomIds.uuid().into();
    client["token_endpoint_auth_method"] = "none".into();
    answer(StatusCode::CREATED, &client)
}

async fn authorize(State(issuer): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    let asked = fields(query.unwrap_or_default().as_bytes());
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    let code = RandomIds.uuid();
    let back = url::Url::parse_with_params(
        &asked["redirect_uri"],
        [("code", &code), ("state", &asked["state"]), ("iss", &issuer.url)],
    );
    issuer.desk.codes.lock().unwrap().insert(code, asked);
    let mut response = answer(StatusCode::FOUND, &json!({}));
    response.headers_mut().insert("location", back.unwrap().as_str().parse().unwrap());
    response
}

async fn token(State(issuer): State<Arc<Inner>>, body: Bytes) -> Response {
    let asked = fields(&body);
    let given = match asked["grant_type"].as_str() {
        "authorization_code" => {
            issuer.desk.codes.lock().unwrap().remove(&asked["code"]).filter(|given| {
                let digest = Sha256::digest(asked["code_verifier"].as_bytes());
                given["code_challenge"] == base64url(&digest)
                    && given["client_id"] == asked["client_id"]
                    && given["redirect_uri"] == asked["redirect_uri"]
            })
        }
        "refresh_token" => issuer.desk.refreshes.lock().unwrap().remove(&asked["refresh_token"]),
        _ => None,
    };
    let Some(given) = given else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" }));
    };
    let mut claims = good_claims(&issuer.url);
    claims["aud"] = given["resource"].clone().into();
    claims["client_id"] = given["client_id"].clone().into();
    claims["scope"] = given["scope"].clone().into();
    let refresh = RandomIds.uuid();
    let granted = json!({
        "access_token": issuer.keys.lock().unwrap()[0].sign(&claims),
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_token": refresh,
        "scope": given["scope"],
    });
    issuer.desk.refreshes.lock().unwrap().insert(refresh, given);
    answer(StatusCode::OK, &granted)
}

fn fields(form: &[u8]) -> Fields {
    url::form_urlencoded::parse(form).into_owned().collect()
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).unwrap()
}
