//! The life of a tool under each client, transport and era: created, heard of, called, updated, in conflict;
//! then, after a restart of the server, found again, called and deleted.

use tokio::process::Command;

use super::clients::{file, node, python, run, with};
use super::server::Site;

/// A client's program that plays the story.
type Client = fn() -> Command;

fn python_sdk() -> Command {
    with(python(), [file("tests/e2e/clients/story.py")])
}

fn sdk_v1() -> Command {
    with(node(), [file("tests/e2e/clients/sdk_v1.mjs")])
}

fn client_v2() -> Command {
    with(node(), [file("tests/e2e/clients/client_v2.mjs")])
}

async fn over_stdio(client: Client, era: &str) {
    let site = Site::new();
    for act in ["first", "second"] {
        // The client starts the server and ends it: the second act is after a restart.
        let command = with(client(), [act, era, "--"]);
        run(with(command, site.stdio())).await;
    }
}

#[cfg(feature = "http")]
async fn over_http(client: Client, era: &str) {
    let site = Site::new();
    for act in ["first", "second"] {
        let server = site.http().await;
        run(with(client(), [act, era, &server.url])).await;
        server.stop().await;
    }
}

/// One test for each client and era, over a transport.
macro_rules! stories {
    ($over:ident: $($name:ident: $client:ident $era:literal,)+) => {
        mod $over {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$over(super::$client, $era).await;
                }
            )+
        }
    };
}

stories! { over_stdio:
    python_legacy: python_sdk "legacy",
    python_auto: python_sdk "auto",
    python_modern: python_sdk "modern",
    sdk_v1_legacy: sdk_v1 "legacy",
    client_v2_legacy: client_v2 "legacy",
    client_v2_auto: client_v2 "auto",
    client_v2_modern: client_v2 "modern",
}

#[cfg(feature = "http")]
stories! { over_http:
    python_legacy: python_sdk "legacy",
    python_auto: python_sdk "auto",
    python_modern: python_sdk "modern",
    sdk_v1_legacy: sdk_v1 "legacy",
    client_v2_legacy: client_v2 "legacy",
    client_v2_auto: client_v2 "auto",
    client_v2_modern: client_v2 "modern",
}
