//! The programs on the page for clients, run as they stand there but for the server's address.

use tokio::process::Command;

use super::clients::{python, run, with};
use super::server::Site;

const PAGE: &str = include_str!("../../../docs/clients.md");

/// The only block of a section in this language, for the server at `url`.
fn program(language: &str, url: &str) -> String {
    let section = PAGE.split("\n## From a program of your own\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let start = format!("```{language}\n");
    let [_, block] = section.split(start.as_str()).collect::<Vec<_>>()[..] else {
        panic!("not one block in {language}")
    };
    let (block, _) = block.split_once("```").unwrap();
    assert!(block.contains("http://127.0.0.1:8788/mcp"), "{block}");
    block.replace("http://127.0.0.1:8788/mcp", url)
}

#[tokio::test]
async fn programs_on_the_page_make_a_tool_and_call_it() {
    let site = Site::new();
    let server = site.http().await;
    let said = run(with(python(), ["-c", &program("python", &server.url)])).await;
    assert_eq!(said.trim_end(), "HELLO!");
    let said = run(with(Command::new("sh"), ["-c", &program("sh", &server.url)])).await;
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "HELLO!", "{said}");
    server.stop().await;
}
