//! `doctor` about what HTTP needs from outside: the issuer of tokens, and the certificate.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, Datelike as _, Duration, Utc};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use super::program::{Ended, in_directory};
use crate::support::issuer::keys::SigningKey;
use crate::support::issuer::{Issuer, Mood};

async fn doctor(directory: &Path, flags: &[String]) -> Ended {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = port.to_string();
    let fixed = ["doctor", "--json", "--transport=http", "--port", &port];
    let all: Vec<&str> = fixed.into_iter().chain(flags.iter().map(String::as_str)).collect();
    in_directory(directory, &all).await
}

/// The state and the detail of one of the things that were examined.
fn of<'a>(report: &'a Value, what: &str) -> (&'a str, &'a str) {
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["what"] == what);
    let check = check.unwrap_or_else(|| panic!("no {what}: {report}"));
    (check["state"].as_str().unwrap(), check["detail"].as_str().unwrap())
}

fn flags(issuer: &Issuer, named: &str) -> [String; 5] {
    [
        "--auth-mode=jwt".to_owned(),
        format!("--auth-jwks-url={}/jwks", issuer.url()),
        format!("--auth-issuer={named}"),
        "--auth-audience=https://mcp.example.com".to_owned(),
        "--auth-admin-scope=mcp:admin".to_owned(),
    ]
}

#[tokio::test]
async fn the_issuer_is_tried_out() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vec![SigningKey::new("a"), SigningKey::edwards("b")];
    let issuer = Issuer::with(keys).await;
    let well = doctor(folder.path(), &flags(&issuer, &issuer.url())).await;
    assert_eq!(well.code, Some(0), "{}{}", well.out, well.err);
    let report = well.json();
    let (state, detail) = of(&report, "token keys");
    assert_eq!(state, "works", "{detail}");
    assert!(detail.contains("2 keys for signatures, by ES256, EdDSA"), "{detail}");
    assert_eq!(of(&report, "token issuer").0, "works", "{report}");

    // Keys are had, but clients will not find out how to get a token, or refuse the issuer.
    for (named, why) in [
        (format!("{}/realm", issuer.url()), "404"),
        (issuer.url().replace("127.0.0.1", "localhost"), "calls itself"),
        ("an-issuer".to_owned(), "not a URL"),
    ] {
        let odd = doctor(folder.path(), &flags(&issuer, &named)).await;
        assert_eq!(odd.code, Some(0), "{}{}", odd.out, odd.err);
        let report = odd.json();
        let (state, detail) = of(&report, "token issuer");
        assert!(state == "attention" && detail.contains(why), "{named}: {state}: {detail}");
    }

    issuer.publish(Vec::new());
    let without = doctor(folder.path(), &flags(&issuer, &issuer.url())).await;
    assert_eq!(without.code, Some(1));
    let report = without.json();
    let (state, detail) = of(&report, "token keys");
    assert!(state == "broken" && detail.contains("no key for signatures"), "{state}: {detail}");
    issuer.be(Mood::Down);
    let report = doctor(folder.path(), &flags(&issuer, &issuer.url())).await.json();
    let (state, detail) = of(&report, "token keys");
    assert!(state == "broken" && detail.contains("503"), "{state}: {detail}");
}

#[tokio::test]
async fn the_certificate_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["cert", "key"].map(|name| format!("--tls-{name}={name}.pem"));
    let certified = async |days: i64| {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let end = DateTime::<Utc>::from(SystemTime::now()) + Duration::days(days);
        let day = |number: u32| u8::try_from(number).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(end.year(), day(end.month()), day(end.day()));
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("cert.pem"), made.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        doctor(folder.path(), &files).await
    };
    for (days, code, state, why) in [
        (100, 0, "works", "can be used"),
        (7, 0, "attention", "two weeks"),
        (-2, 1, "broken", "expired"),
    ] {
        let ended = certified(days).await;
        assert_eq!(ended.code, Some(code), "{days}: {}{}", ended.out, ended.err);
        let report = ended.json();
        let (found, detail) = of(&report, "certificate");
        assert!(found == state && detail.contains(why), "{days}: {found}: {detail}");
    }
    certified(100).await;
    fs::write(folder.path().join("key.pem"), "s3cret nonsense").unwrap();
    let ended = doctor(folder.path(), &files).await;
    assert_eq!(ended.code, Some(1));
    let report = ended.json();
    let (state, detail) = of(&report, "certificate");
    assert!(state == "broken" && detail.contains("MCP_TLS_KEY"), "{state}: {detail}");
    assert!(!ended.out.contains("s3cret"), "{}", ended.out);
}
