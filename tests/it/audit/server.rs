//! The whole server: what its audit log holds after tokens, calls and a signal, and while its disk is full.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::e2e::server::{HttpServer, Site};
use crate::http::client::{Answer, Client, stateless, stateless_headers};
use crate::support::issuer::Issuer;
use crate::support::issuer::keys::SigningKey;
use crate::support::wait::until;

/// Runs its arguments with a disk of 128 KiB mounted at the path, which only they see.
const SMALL_DISK: &str = "mount -t tmpfs -o size=128k,mode=755 none \"$0\"; exec \"$@\"";

async fn call(client: &mut Client, headers: &str, tool: &str, arguments: &Value) -> Answer {
    let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
    let headers = format!("{headers}{}", stateless_headers("tools/call", Some(tool)));
    client.post(&headers, &stateless(1, "tools/call", &params)).await
}

/// A call that is told of and refused before any sandbox, because of its time limit.
async fn cheap_call(client: &mut Client) {
    let arguments = json!({ "code": "return 's3cret'", "timeoutMs": 1 });
    let answer = call(client, "", "run_js_ephemeral", &arguments).await;
    let body = answer.json();
    assert_eq!(body["result"]["structuredContent"]["code"], "invalid_input", "{body}");
}

/// Every line of the log, the oldest first, with nothing of these words in any.
fn lines(file: &Path, hidden: &[&str]) -> Vec<Value> {
    let mut lines = Vec::new();
    for number in (0..200).rev() {
        let mut name = file.as_os_str().to_owned();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let Ok(text) = fs::read_to_string(name) else { continue };
        for hidden in hidden {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    lines
}

fn audited(file: &Path) -> Vec<String> {
    vec![
        "--audit-enabled=true".to_owned(),
        format!("--audit-file={}", file.display()),
        "--tool-max-concurrency=1000".to_owned(),
        "--tool-max-calls-per-window=100000".to_owned(),
    ]
}

#[tokio::test]
async fn what_was_answered_before_the_end_is_in_the_log() {
    let site = Site::new();
    let file = site.file("audit.log");
    let mut flags = audited(&file);
    flags.extend(["--audit-max-file-bytes=5000", "--audit-max-files=100"].map(str::to_owned));
    let server = site.http_with(|_| flags).await;
    let callers = (0..8).map(async |_| {
        let mut client = Client::connect(server.address).await;
        for _ in 0..50 {
            cheap_call(&mut client).await;
        }
    });
    futures_util::future::join_all(callers).await;
    server.stop().await;
    let lines = lines(&file, &["s3cret"]);
    assert_eq!(lines.len(), 400);
    for line in &lines {
        assert_eq!(
            (&line["action"], &line["code"]),
            (&json!("run_js_ephemeral"), &json!("invalid_input"))
        );
    }
    assert!(file.with_extension("log.2").is_file(), "it was rotated meanwhile");
}

#[tokio::test]
async fn tokens_are_told_of_and_never_shown() {
    let (site, issuer) = (Site::new(), Issuer::start().await);
    let file = site.file("audit.log");
    let server = site
        .http_with(|url| {
            let mut flags = audited(&file);
            flags.extend([
                "--auth-mode=jwt".to_owned(),
                format!("--auth-jwks-url={}/jwks", issuer.url()),
                format!("--auth-issuer={}", issuer.url()),
                format!("--auth-audience={url}"),
                "--auth-required-scopes=mcp:use".to_owned(),
                "--admin-token=s3cret-admin-token".to_owned(),
            ]);
            flags
        })
        .await;
    let token = |over: Value| {
        let mut claims = json!({ "aud": server.url });
        claims.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        issuer.token(&claims)
    };
    let good = token(json!({}));
    let (expired, poor) = (token(json!({ "exp": 1 })), token(json!({ "scope": "other" })));
    let spoiled = SigningKey::new("first").sign(&issuer.claims(&json!({ "aud": server.url })));
    let mut refused = Vec::new();
    for (credential, status) in [
        (None, 401),
        (Some(expired.as_str()), 401),
        (Some(&spoiled), 401),
        (Some("s3cret-garbage"), 401),
        (Some(&poor), 403),
    ] {
        let headers = credential.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let mut client = Client::connect(server.address).await;
        let answer =
            call(&mut client, &headers.unwrap_or_default(), "system.health", &json!({})).await;
        assert_eq!(answer.head.status, status);
        refused.extend(credential);
    }
    let credential = format!("Authorization: Bearer {good}\r\n");
    let mut client = Client::connect(server.address).await;
    for _ in 0..3 {
        let tool = json!({ "name": "text.echo", "description": "d", "code": "return 's3cret'" });
        let arguments = json!({ "tool": tool, "adminToken": "s3cret-wrong" });
        let answer = call(&mut client, &credential, "dynamic.tool.create", &arguments).await;
        assert_eq!(answer.json()["result"]["structuredContent"]["code"], "unauthorized");
    }
    server.stop().await;

    // Neither whole nor by their signature.
    refused.push(&good);
    let signatures = refused.iter().filter_map(|token| token.rsplit('.').next());
    let hidden: Vec<&str> = signatures.chain(["s3cret"]).collect();
    let lines = lines(&file, &hidden);
    let of = |category: &str| {
        let lines = lines.iter().filter(|line| line["category"] == category);
        lines.map(|line| (line["outcome"].as_str().unwrap(), line)).collect::<Vec<_>>()
    };
    let told = of("authentication");
    let outcomes: Vec<&str> = told.iter().map(|(outcome, _)| *outcome).collect();
    assert_eq!(outcomes, ["refused", "refused", "refused", "refused", "refused", "ok"]);
    for ((_, line), why) in
        told.iter().zip(["no access token", "expired", "signature", "can be read"])
    {
        assert!(line["reason"].as_str().unwrap().contains(why), "{line}");
        assert_eq!((&line["code"], line.get("subject")), (&json!("unauthorized"), None));
    }
    let (_, poor) = told[4];
    assert_eq!((&poor["code"], &poor["subject"]), (&json!("forbidden"), &json!("alice")));
    let (_, accepted) = told[5];
    assert_eq!((&accepted["subject"], &accepted["client"]), (&json!("alice"), &json!("agent")));
    let changes = of("management");
    assert_eq!(changes.len(), 3);
    for (outcome, line) in changes {
        assert_eq!((outcome, &line["action"]), ("refused", &json!("dynamic.tool.create")));
        assert_eq!((&line["subject"], &line["tool"]), (&json!("alice"), &json!("text.echo")));
    }
}

/// What `/readyz` says of the log, and what the metrics do.
async fn standing(server: &HttpServer) -> (u16, Value, bool) {
    let mut client = Client::connect(server.address).await;
    let ready = client.get("GET", "/readyz", "").await;
    let metrics = client.get("GET", "/metrics", "").await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    let failing = metrics.lines().any(|line| line == "dynamic_mcp_audit_failing 1");
    (ready.head.status, ready.json(), failing)
}

#[tokio::test]
async fn a_server_whose_disk_is_full_goes_on_says_so_and_recovers() {
    let site = Site::new();
    let disk = site.file("disk");
    fs::create_dir(&disk).unwrap();
    let place = disk.to_str().unwrap();
    let wrapper = ["unshare", "--map-root-user", "--mount", "sh", "-ec", SMALL_DISK, place];
    let server = site.http_under(&wrapper, |_| audited(&disk.join("audit.log"))).await;
    // The disk as the server sees it.
    let disk = Path::new("/proc")
        .join(server.pid().to_string())
        .join("root")
        .join(disk.strip_prefix("/").unwrap());
    let mut client = Client::connect(server.address).await;
    cheap_call(&mut client).await;
    let (status, body, failing) = standing(&server).await;
    assert_eq!((status, &body["checks"]["audit"], failing), (200, &json!("ok"), false), "{body}");

    fs::write(disk.join("ballast"), vec![1; 1_000_000]).unwrap_err();
    let mut calls = 1;
    loop {
        cheap_call(&mut client).await;
        calls += 1;
        let (status, body, failing) = standing(&server).await;
        assert_eq!(status, 200, "it does its work: {body}");
        if failing {
            // It may have begun between the two questions.
            let (_, body, _) = standing(&server).await;
            assert_eq!(body["status"], "degraded", "{body}");
            let why = body["checks"]["audit"].as_str().unwrap();
            assert!(why.contains("no space left") && !why.contains('/'), "{body}");
            break;
        }
        assert!(calls < 1_000, "the disk does not fill");
    }
    let good = json!({ "code": "return 1 + 1" });
    let answer = call(&mut client, "", "run_js_ephemeral", &good).await.json();
    assert_eq!(answer["result"]["structuredContent"]["result"], 2, "{answer}");
    calls += 1;

    fs::remove_file(disk.join("ballast")).unwrap();
    until(async || !standing(&server).await.2).await;
    let (status, body, _) = standing(&server).await;
    assert_eq!((status, &body["checks"]["audit"]), (200, &json!("ok")), "{body}");
    let file = disk.join("audit.log");
    until(async || lines(&file, &["s3cret"]).len() >= calls).await;
    let lines = lines(&file, &["s3cret"]);
    assert_eq!(lines.len(), calls, "all are there, and none twice");
    assert_eq!(lines.last().unwrap()["outcome"], "ok");
    server.stop().await;
}
