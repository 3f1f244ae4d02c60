//! The SDKs' own OAuth clients get themselves a token from an authorization server that they find through this
//! server, and use it: with each era, and while the authorization server's keys change or can't be had.

use super::clients::{Sdk, each_client, run, with};
use super::server::{HttpServer, Site};
use crate::support::issuer::keys::SigningKey;
use crate::support::issuer::{Issuer, Mood};

/// A server that takes the issuer's tokens.
async fn protected(site: &Site, issuer: &Issuer, more: &[&str]) -> HttpServer {
    let issued_by = issuer.url();
    site.http_with(|url| {
        let mut flags = vec![
            "--auth-mode=jwt".to_owned(),
            format!("--auth-jwks-url={issued_by}/jwks"),
            format!("--auth-issuer={issued_by}"),
            format!("--auth-audience={url}"),
            "--auth-admin-scope=mcp:admin".to_owned(),
        ];
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        flags
    })
    .await
}

async fn authorize(sdk: Sdk, era: &str) {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer, &[]).await;
    run(with(sdk.client("oauth"), [era, &server.url])).await;
    server.stop().await;
}

each_client!(authorize);

/// With a token that is let in and may not administer, until a call asks for more.
async fn step_up(sdk: Sdk, era: &str) {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer, &["--auth-required-scopes=mcp:use"]).await;
    run(with(sdk.client("oauth"), [era, &server.url, "step-up"])).await;
    server.stop().await;
}

mod stepping_up {
    use super::each_client;

    each_client!(super::step_up);
}

#[tokio::test]
async fn clients_go_on_while_the_keys_cant_be_fetched_and_when_they_change() {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer, &[]).await;
    let client = || with(Sdk::V1.client("oauth"), ["legacy", &server.url]);
    run(client()).await;
    for mood in [Mood::Down, Mood::Silent, Mood::Nonsense] {
        issuer.be(mood);
        run(client()).await;
    }
    issuer.be(Mood::Well);
    issuer.publish(vec![SigningKey::new("second"), issuer.key(0)]);
    // Published just now, and fetched when a token names it.
    run(client()).await;
    server.stop().await;
}
