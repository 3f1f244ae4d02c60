//! The SDKs' own OAuth clients get themselves a token from an authorization server that they find through this
//! server, and use it: with each era, and while the authorization server's keys change or can't be had.

use std::time::Duration;

use super::clients::{Sdk, each_client, finish, run, with};
use super::server::{HttpServer, Site};
use crate::support::issuer::keys::SigningKey;
use crate::support::issuer::{Issuer, Mood};

/// A server that takes the issuer's tokens.
async fn protected(site: &Site, issuer: &Issuer) -> HttpServer {
    let issued_by = issuer.url();
    site.http_with(|url| {
        vec![
            "--auth-mode=jwt".to_owned(),
            format!("--auth-jwks-url={issued_by}/jwks"),
            format!("--auth-issuer={issued_by}"),
            format!("--auth-audience={url}"),
            "--auth-admin-scope=mcp:admin".to_owned(),
        ]
    })
    .await
}

async fn authorize(sdk: Sdk, era: &str) {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer).await;
    run(with(sdk.client("oauth"), [era, &server.url])).await;
    server.stop().await;
}

each_client!(authorize);

#[tokio::test]
async fn clients_go_on_while_the_keys_cant_be_fetched_and_when_they_change() {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer).await;
    let client = || with(Sdk::V1.client("oauth"), ["legacy", &server.url]);
    run(client()).await;
    for mood in [Mood::Down, Mood::Silent, Mood::Nonsense] {
        issuer.be(mood);
        run(client()).await;
    }
    issuer.be(Mood::Well);
    issuer.publish(vec![SigningKey::new("second"), issuer.key(0)]);
    // The new key is fetched when a token names it, but not in the seconds after the last fetch.
    let accepted = async {
        while finish(client()).await.0 != Some(0) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), accepted).await.unwrap();
    server.stop().await;
}
