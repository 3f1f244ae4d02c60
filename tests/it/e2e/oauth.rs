//! The SDKs' own OAuth clients get themselves a token from an authorization server that they find through this
//! server, and use it: with each era, and while the authorization server's keys change or can't be had.

use std::time::Duration;

use tokio::process::Command;

use super::clients::{file, finish, node, python, run, with};
use super::server::{HttpServer, Site};
use crate::support::issuer::keys::SigningKey;
use crate::support::issuer::{Issuer, Mood};

/// A client's program.
type Client = fn() -> Command;

fn python_sdk() -> Command {
    with(python(), [file("tests/e2e/clients/oauth.py")])
}

fn sdk_v1() -> Command {
    with(node(), [file("tests/e2e/clients/oauth_v1.mjs")])
}

fn client_v2() -> Command {
    with(node(), [file("tests/e2e/clients/oauth_v2.mjs")])
}

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

async fn authorize(client: Client, era: &str) {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer).await;
    run(with(client(), [era, &server.url])).await;
    server.stop().await;
}

/// One test for each client and era.
macro_rules! clients {
    ($($name:ident: $client:ident $era:literal,)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                authorize($client, $era).await;
            }
        )+
    };
}

clients! {
    python_legacy: python_sdk "legacy",
    python_auto: python_sdk "auto",
    python_modern: python_sdk "modern",
    sdk_v1_legacy: sdk_v1 "legacy",
    client_v2_legacy: client_v2 "legacy",
    client_v2_auto: client_v2 "auto",
    client_v2_modern: client_v2 "modern",
}

#[tokio::test]
async fn clients_go_on_while_the_keys_cant_be_fetched_and_when_they_change() {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let server = protected(&site, &issuer).await;
    let client = || with(sdk_v1(), ["legacy", &server.url]);
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
