//! The life of a tool under each client, transport and era: created, heard of, called, updated, in conflict;
//! then, after a restart of the server, found again, called and deleted.

use super::clients::{Sdk, each_client, run, with};
use super::server::Site;

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

mod over_stdio {
    super::each_client!(super::over_stdio);
}

#[cfg(feature = "http")]
mod over_http {
    super::each_client!(super::over_http);
}
