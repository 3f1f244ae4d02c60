//! The life of a tool under each client, transport and era: created, heard of, called, updated, in conflict;
//! then, after a restart of the server, found again, called and deleted.

use super::clients::{Sdk, each_client, run, with};
use super::server::Site;

#[cfg(feature = "enterprise")]
const ENTERPRISE: [&str; 2] = ["--profile=enterprise", "--audit-enabled=false"];

async fn over_stdio(sdk: Sdk, era: &str) {
    let site = Site::new();
    for act in ["first", "second"] {
        // The client starts the server and ends it: the second act is after a restart.
        let command = with(sdk.client("story"), [act, era, "--"]);
        run(with(command, site.stdio())).await;
    }
}

#[cfg(feature = "http")]
async fn over_http(sdk: Sdk, era: &str) {
    let site = Site::new();
    for act in ["first", "second"] {
        let server = site.http().await;
        run(with(sdk.client("story"), [act, era, &server.url])).await;
        server.stop().await;
    }
}

/// What the enterprise profile shows besides tools.
#[cfg(feature = "enterprise")]
async fn looks_over_stdio(sdk: Sdk, era: &str) {
    let site = Site::new();
    let server = with(sdk.client("story"), ["look", era, "--"]);
    let server = with(server, site.stdio());
    run(with(server, ENTERPRISE)).await;
}

#[cfg(feature = "enterprise")]
async fn looks_over_http(sdk: Sdk, era: &str) {
    let site = Site::new();
    let server = site.http_with(|_| ENTERPRISE.map(str::to_owned).to_vec()).await;
    run(with(sdk.client("story"), ["look", era, &server.url])).await;
    server.stop().await;
}

mod over_stdio {
    super::each_client!(super::over_stdio);
}

#[cfg(feature = "http")]
mod over_http {
    super::each_client!(super::over_http);
}

#[cfg(feature = "enterprise")]
mod looks_over_stdio {
    super::each_client!(super::looks_over_stdio);
}

#[cfg(feature = "enterprise")]
mod looks_over_http {
    super::each_client!(super::looks_over_http);
}
