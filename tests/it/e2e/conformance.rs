//! The official conformance suite: what a revision of the protocol requires of every server, run against a
//! server whose tools were all created while it ran.

use super::clients::{file, finish, node, package, run, with};
use super::server::Site;

const SUITE: &str = "conformance/dist/index.js";

/// Starts a server with the suite's fixtures, and runs the suite with these options.
async fn conform(options: &[&str]) {
    let site = Site::new();
    let server = site.http().await;
    run(with(with(node(), [file("tests/e2e/conformance/register.mjs")]), [&server.url])).await;
    let command = with(package(SUITE), ["server", "--url", &server.url]);
    let (code, out, err) = finish(with(command, options)).await;
    assert!(code == Some(0), "not conformant ({code:?}):\n{out}\n{err}");
    server.stop().await;
}

/// All that a revision requires; the file says which scenarios need what the server does not have yet, and the
/// suite fails when one of them passes.
async fn requirements(revision: &str) {
    let known = file("tests/e2e/conformance").join(format!("not-yet-{revision}.yaml"));
    conform(&["--requirements", revision, "--expected-failures", known.to_str().unwrap()]).await;
}

/// What a revision's frozen set does not count, and this server does all the same.
async fn scenario(revision: &str, name: &str) {
    conform(&["--spec-version", revision, "--scenario", name]).await;
}

#[tokio::test]
async fn requirements_of_2025_11_25() {
    requirements("2025-11-25").await;
}

#[tokio::test]
async fn requirements_of_2026_07_28() {
    requirements("2026-07-28").await;
}

#[tokio::test]
async fn session_lifecycle() {
    scenario("2025-11-25", "server-session-lifecycle").await;
}

#[tokio::test]
async fn json_schema_2020_12() {
    scenario("2025-11-25", "json-schema-2020-12").await;
    scenario("2026-07-28", "json-schema-2020-12").await;
}

#[tokio::test]
async fn header_validation() {
    scenario("2026-07-28", "http-header-validation").await;
    scenario("2026-07-28", "http-custom-header-server-validation").await;
}
