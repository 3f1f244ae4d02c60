//! Which `Host` and `Origin` a server takes, by how it is bound and what it was told.

use std::time::Duration;

use dynamic_mcp::adapters::inbound::http::{BindError, HttpOptions};

use super::client::{Client, INITIALIZE, mcp_headers};
use super::server::{TestServer, bind, options, ready};

async fn status(server: &TestServer, host: Option<&str>, origin: Option<&str>) -> u16 {
    let mut client = Client::connect(([127, 0, 0, 1], server.address.port()).into()).await;
    let [host, origin] = [("Host", host), ("Origin", origin)].map(|(name, value)| {
        value.map_or_else(String::new, |value| format!("{name}: {value}\r\n"))
    });
    let request = format!(
        "POST /mcp HTTP/1.1\r\n{host}{origin}{}Content-Length: {}\r\n\r\n{INITIALIZE}",
        mcp_headers(),
        INITIALIZE.len()
    );
    client.write(request.as_bytes()).await;
    let answer = client.answer().await;
    if answer.head.status == 403 {
        answer.assert_refused(403, -32_000);
    }
    answer.head.status
}

async fn server(change: impl FnOnce(&mut HttpOptions)) -> TestServer {
    let mut options = options();
    change(&mut options);
    TestServer::with(options, Duration::ZERO, ready()).await
}

#[tokio::test]
async fn on_loopback_only_its_names_are_hosts() {
    let server = server(|_| {}).await;
    let own = server.address.to_string();
    let hosts = ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:8788", own.as_str()];
    for host in hosts {
        assert_eq!(status(&server, Some(host), None).await, 200, "{host}");
    }
    let hosts =
        ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.2", "0.0.0.0", ""];
    for host in hosts {
        assert_eq!(status(&server, Some(host), None).await, 403, "{host}");
    }
    assert_eq!(status(&server, None, None).await, 403);
}

#[tokio::test]
async fn two_hosts_are_nobodys() {
    let server = server(|_| {}).await;
    let mut client = server.client().await;
    let request = "GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n";
    client.write(request.as_bytes()).await;
    client.answer().await.assert_refused(403, -32_000);
}

#[tokio::test]
async fn a_target_that_names_its_host_counts_more_than_the_header() {
    let server = server(|_| {}).await;
    for (target, host, status) in [
        ("http://evil.example/mcp", "localhost", 403),
        ("http://localhost/mcp", "localhost", 200),
        ("http://localhost/mcp", "evil.example", 200),
    ] {
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\n{}Content-Length: {}\r\n\r\n{INITIALIZE}",
            mcp_headers(),
            INITIALIZE.len()
        );
        let mut client = server.client().await;
        client.write(request.as_bytes()).await;
        assert_eq!(client.answer().await.head.status, status, "{target} {host}");
    }
}

#[tokio::test]
async fn on_loopback_only_its_own_pages_are_origins() {
    let server = server(|_| {}).await;
    let port = server.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let origin = format!("http://{host}:{port}");
        assert_eq!(status(&server, Some("localhost"), Some(&origin)).await, 200, "{origin}");
    }
    let origins = [
        "https://evil.example".to_owned(),
        format!("http://evil.example:{port}"),
        format!("https://localhost:{port}"),
        format!("http://localhost:{}", port.wrapping_add(1)),
        format!("http://localhost:{port}.evil.example"),
        "http://localhost".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    for origin in origins {
        assert_eq!(status(&server, Some("localhost"), Some(&origin)).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn allowed_origins_are_taken() {
    let server = server(|options| {
        options.allowed_origins = [
            "https://app.example.com",
            "http://dev.example:*",
            "https://other.example:8443/",
            "vscode-webview://abc",
            "null",
        ]
        .map(str::to_owned)
        .to_vec();
    })
    .await;
    let origins = [
        "https://app.example.com",
        "HTTPS://APP.example.com",
        "http://dev.example",
        "http://dev.example:9",
        "https://other.example:8443",
        "vscode-webview://abc",
        "null",
    ];
    for origin in origins {
        assert_eq!(status(&server, Some("localhost"), Some(origin)).await, 200, "{origin}");
    }
    let origins = [
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.example",
        "https://dev.example",
        "http://x.dev.example",
        "https://other.example",
        "vscode-webview://abcd",
    ];
    for origin in origins {
        assert_eq!(status(&server, Some("localhost"), Some(origin)).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn allowed_pages_may_read_the_answers() {
    let server = server(|options| {
        options.allowed_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let mut client = server.client().await;
    let origin = "Origin: https://app.example.com\r\n";
    let question = format!(
        "{origin}Access-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type,mcp-param-x\r\n"
    );
    let answer = client.get("OPTIONS", "/mcp", &question).await;
    assert_eq!(answer.head.status, 204);
    answer.head.assert_sealed();
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-methods", "GET, POST, DELETE"),
        ("access-control-allow-headers", "content-type,mcp-param-x"),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.head.header(name), Some(value));
    }
    let exposed =
        "mcp-session-id, mcp-protocol-version, x-request-id, retry-after, www-authenticate";
    for body in [INITIALIZE, "{"] {
        let head = client.post(origin, body).await.head;
        assert_eq!(head.header("access-control-allow-origin"), Some("https://app.example.com"));
        assert_eq!(head.header("access-control-expose-headers"), Some(exposed));
    }
    // Nobody else is told anything.
    let head = client.post("", INITIALIZE).await.head;
    assert_eq!(head.header("access-control-allow-origin"), None);
    let question = question.replace("app.example", "evil.example");
    let answer = client.get("OPTIONS", "/mcp", &question).await;
    answer.assert_refused(403, -32_000);
    assert_eq!(answer.head.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn on_other_addresses_any_host_is_taken_but_no_origin() {
    let server = server(|options| options.host = "0.0.0.0".to_owned()).await;
    for host in ["anything.example", "10.1.2.3:80"] {
        assert_eq!(status(&server, Some(host), None).await, 200);
    }
    let own = format!("http://localhost:{}", server.address.port());
    for origin in ["https://evil.example", own.as_str()] {
        assert_eq!(status(&server, Some("localhost"), Some(origin)).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn allowed_hosts_switch_the_check_on() {
    let server = server(|options| {
        options.host = "0.0.0.0".to_owned();
        options.allowed_hosts = vec!["mcp.example.com".to_owned(), "lb.example:8443".to_owned()];
    })
    .await;
    for host in ["mcp.example.com", "MCP.example.com:1", "lb.example:8443"] {
        assert_eq!(status(&server, Some(host), None).await, 200, "{host}");
    }
    for host in ["localhost", "lb.example", "lb.example:1", "x.mcp.example.com"] {
        assert_eq!(status(&server, Some(host), None).await, 403, "{host}");
    }
}

#[tokio::test]
async fn the_public_url_is_a_host_and_an_origin() {
    let server = server(|options| {
        options.host = "0.0.0.0".to_owned();
        options.public_url = Some("https://mcp.example.com/base".parse().unwrap());
    })
    .await;
    let origin = Some("https://mcp.example.com");
    assert_eq!(status(&server, Some("mcp.example.com"), origin).await, 200);
    assert_eq!(status(&server, Some("evil.example"), origin).await, 403);
    let origin = Some("http://mcp.example.com");
    assert_eq!(status(&server, Some("mcp.example.com"), origin).await, 403);
}

#[tokio::test]
async fn settings_that_mean_nothing_end_the_start() {
    type Change = fn(&mut HttpOptions);
    let cases: [(&str, Change); 9] = [
        ("MCP_PATH", |options| options.path = "mcp".to_owned()),
        ("MCP_PATH", |options| options.path = "/{x}".to_owned()),
        ("MCP_PATH", |options| options.path = "/a//b".to_owned()),
        ("MCP_PATH", |options| options.path = "/livez/".to_owned()),
        ("MCP_HTTP_ALLOWED_HOSTS", |options| options.allowed_hosts = vec!["a b".to_owned()]),
        ("MCP_HTTP_ALLOWED_HOSTS", |options| options.allowed_hosts = vec![String::new()]),
        ("MCP_HTTP_ALLOWED_ORIGINS", |options| options.allowed_origins = vec!["*".to_owned()]),
        ("MCP_HTTP_ALLOWED_ORIGINS", |options| options.allowed_origins = vec!["a.b".to_owned()]),
        ("MCP_PUBLIC_URL", |options| options.public_url = Some("data:x".parse().unwrap())),
    ];
    for (name, change) in cases {
        let mut options = options();
        change(&mut options);
        match bind(options).await.err() {
            Some(BindError::Setting { setting, .. }) => assert_eq!(setting, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start() {
    let server = TestServer::start().await;
    let options = HttpOptions { port: server.address.port(), ..options() };
    let error = bind(options).await.err().unwrap();
    assert!(matches!(error, BindError::Listen { .. }), "{error}");
}
