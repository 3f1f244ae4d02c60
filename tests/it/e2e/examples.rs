//! Examples of tools run by the built server, in its own sandbox: `dynamic.tool.test`, and writes that they can stop.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::server::Site;
use crate::support::client::{Client, LATEST_SESSION};

type Pipes = Client<ChildStdout, ChildStdin>;

async fn start(site: &Site, more: &[&str]) -> (Child, Pipes) {
    let command = site.stdio();
    let mut server = Command::new(&command[0]);
    server.args(&command[1..]).args(["--profile=enterprise", "--audit-enabled=false"]).args(more);
    server.env_clear().env("MCP_EXECUTION_ENGINE", "embedded");
    server.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.kill_on_drop(true).spawn().unwrap();
    let mut client = Client::new(server.stdout.take().unwrap(), server.stdin.take().unwrap());
    client.initialize(LATEST_SESSION).await;
    (server, client)
}

async fn end((mut server, mut client): (Child, Pipes)) {
    client.hang_up();
    assert!(server.wait().await.unwrap().success());
}

fn tool(code: &str, examples: &Value) -> Value {
    let schema = json!({
        "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"],
    });
    json!({
        "name": "math.double", "description": "Doubles.", "code": code, "inputSchema": schema,
        "timeoutMs": 1_000, "examples": examples,
    })
}

#[tokio::test]
async fn each_example_runs_in_a_sandbox_of_its_own() {
    let site = Site::new();
    let mut running = start(&site, &[]).await;
    let code = "if (args.n === 0) throw new RangeError('no zero');
        if (args.n === 1) for (;;);
        if (args.n === 2) { const all = []; for (;;) all.push(new Array(1e6).fill(1)); }
        globalThis.kept = (globalThis.kept ?? 0) + 1;
        ctx.log('info', 'doubling');
        return { double: args.n * 2, times: globalThis.kept }";
    let same = json!({ "double": 6, "times": 1 });
    let examples = json!([
        { "name": "first", "args": { "n": 3 }, "result": same },
        { "name": "nothing is left of it", "args": { "n": 3 }, "result": same },
        { "name": "differs", "args": { "n": 4 }, "result": { "double": 9, "times": 1 } },
        { "name": "throws", "args": { "n": 0 } },
        { "name": "for ever", "args": { "n": 1 } },
        { "name": "eats", "args": { "n": 2 } },
        { "name": "does not fit", "args": { "n": "3" } },
    ]);
    let draft = json!({ "tool": tool(code, &examples) });
    let tested = running.1.call("dynamic.tool.test", draft).await;
    let said = &tested["structuredContent"];
    assert_eq!((&said["passed"], &said["failed"]), (&json!(2), &json!(5)), "{tested}");
    let results = said["results"].as_array().unwrap();
    assert_eq!(results[2]["pointer"], "/double", "{said}");
    assert_eq!(results[3]["code"], "tool_error", "{said}");
    assert!(results[3]["error"].as_str().unwrap().contains("no zero"), "{said}");
    assert_eq!(results[4]["code"], "timeout", "{said}");
    // Whichever limit it meets first.
    assert!(
        ["memory_exceeded", "timeout"].contains(&results[5]["code"].as_str().unwrap()),
        "{said}"
    );
    assert_eq!(results[6]["code"], "invalid_input", "{said}");
    // Code that is none is refused with its place, before anything runs.
    let draft = json!({ "tool": tool("return (", &examples) });
    let refused = running.1.call("dynamic.tool.test", draft).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    let listed = running.1.call("dynamic.tool.list", json!({})).await;
    assert_eq!(listed["structuredContent"]["tools"], json!([]));
    end(running).await;
}

#[tokio::test]
async fn no_write_leaves_a_tool_whose_examples_fail() {
    let site = Site::new();
    let examples = json!([{ "args": { "n": 2 }, "result": 4 }]);
    // While nobody asked for it, a wrong one is kept.
    let mut before = start(&site, &[]).await;
    let wrong = json!({ "tool": tool("return args.n * 3", &examples) });
    let made = before.1.call("dynamic.tool.create", wrong.clone()).await;
    assert_eq!(made["isError"], false, "{made}");
    let patch = json!({ "name": "math.double", "patch": { "code": "return args.n * 2" } });
    before.1.call("dynamic.tool.update", patch).await;
    end(before).await;

    let mut running = start(&site, &["--dynamic-test-on-write=true"]).await;
    let client = &mut running.1;
    let fails = json!({ "name": "math.double", "patch": { "code": "return args.n + 'x'" } });
    let back = json!({ "name": "math.double", "toRevision": 1 });
    for (change, arguments) in [("dynamic.tool.update", fails), ("dynamic.tool.rollback", back)] {
        let refused = client.call(change, arguments).await;
        assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
        assert!(refused["content"][0]["text"].as_str().unwrap().contains("example"), "{refused}");
        let live = client.call("math.double", json!({ "n": 5 })).await;
        assert_eq!(live["structuredContent"]["result"], 10, "{live}");
    }
    client.call("dynamic.tool.delete", json!({ "name": "math.double" })).await;
    let refused = client.call("dynamic.tool.create", wrong).await;
    assert_eq!(refused["structuredContent"]["code"], "invalid_tool", "{refused}");
    // Made again under its old name it goes on from its last revision, and can go back to what it was before.
    let good = json!({ "tool": tool("return args.n + args.n", &examples) });
    let made = client.call("dynamic.tool.create", good).await;
    let revision = made["structuredContent"]["tool"]["revision"].as_u64().unwrap();
    assert!(revision > 2, "{made}");
    let back = json!({ "name": "math.double", "toRevision": 2, "expectedRevision": revision });
    let done = client.call("dynamic.tool.rollback", back.clone()).await;
    assert_eq!(done["structuredContent"]["tool"]["revision"], revision + 1, "{done}");
    let stale = client.call("dynamic.tool.rollback", back).await;
    assert_eq!(stale["structuredContent"]["code"], "revision_conflict", "{stale}");
    let got = client.call("dynamic.tool.get", json!({ "name": "math.double" })).await;
    assert_eq!(got["structuredContent"]["tool"]["code"], "return args.n * 2");
    end(running).await;
}
