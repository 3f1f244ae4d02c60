//! Tries out an issuer: whether its keys are there, and whether clients find out how to get a token.

use serde::Deserialize;
use url::Url;

use super::fetch::Source;
use super::jwt::JwtRules;

/// What counts here of an authorization server's metadata (RFC 8414; `OpenID` Connect Discovery).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
}

/// Fetches the keys: which there are, or what is wrong.
pub async fn examine_keys(rules: &JwtRules) -> Result<String, String> {
    let source = Source::new(&rules.jwks_url, rules.times.fetch).map_err(|error| error.to_string());
    Ok(source?.fetch().await?.describe())
}

/// Looks for the issuer's metadata as clients do: where they are, or what is wrong.
pub async fn examine_issuer(rules: &JwtRules) -> Result<String, String> {
    let issuer: Url = rules.issuer.parse().map_err(|_| "it is not a URL".to_owned())?;
    let mut problem = "it has no metadata".to_owned();
    for place in places(&issuer) {
        let source = Source::new(&place, rules.times.fetch).map_err(|error| error.to_string())?;
        match source.get_in_time().await {
            Ok(body) => {
                return judge(&body, rules).map(|()| format!("its metadata are at {place}"));
            }
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

/// Where the metadata may be, in the order in which MCP has clients look (Authorization, Authorization Server
/// Metadata Discovery).
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let paths = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    let at = |path: &String| {
        let mut url = issuer.clone();
        url.set_path(path);
        url
    };
    paths.iter().map(at).collect()
}

fn judge(body: &[u8], rules: &JwtRules) -> Result<(), String> {
    let Metadata { issuer, jwks_uri } =
        serde_json::from_slice(body).map_err(|_| "what it sent are no metadata".to_owned())?;
    if issuer != rules.issuer {
        return Err(format!("it calls itself {issuer}, so that clients refuse it"));
    }
    match jwks_uri {
        Some(url) if url.parse().as_ref() != Ok(&rules.jwks_url) => {
            Err(format!("its keys are at {url}"))
        }
        _ => Ok(()),
    }
}
