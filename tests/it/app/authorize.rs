//! Who may do what.

use dynamic_mcp::app::Authorizer;
use dynamic_mcp::domain::{AccessPolicy, Action, Actor, Caller, ErrorCode};
use secrecy::SecretString;

fn with_token(token: &str) -> Authorizer {
    let policy = AccessPolicy { admin_required: true, ..AccessPolicy::default() };
    Authorizer::new(policy, Some(SecretString::from(token)), None)
}

#[test]
fn an_open_server_lets_everybody_manage_as_local() {
    let open = Authorizer::new(AccessPolicy::default(), None, None);
    let actor = open.check(&Caller::local(), Action::Manage, None).unwrap();
    assert_eq!(actor, Actor::Local);
    let shown = SecretString::from("anything");
    let actor = open.check(&Caller::local(), Action::Manage, Some(&shown)).unwrap();
    assert_eq!(actor, Actor::Local, "a token proves nothing where none is set");
}

#[test]
fn only_the_exact_token_opens() {
    let closed = with_token("s3cret");
    for wrong in [None, Some(""), Some("s3cre"), Some("s3cret "), Some("S3CRET")] {
        let shown = wrong.map(SecretString::from);
        let refused = closed.check(&Caller::local(), Action::Manage, shown.as_ref()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unauthorized, "{wrong:?}");
        assert!(!refused.public_message().contains("s3cret"));
    }
    let shown = SecretString::from("s3cret");
    let actor = closed.check(&Caller::local(), Action::Manage, Some(&shown)).unwrap();
    assert_eq!(actor, Actor::Admin);
}

#[test]
fn a_required_token_that_is_not_set_opens_nothing() {
    let policy = AccessPolicy { admin_required: true, ..AccessPolicy::default() };
    let closed = Authorizer::new(policy, None, None);
    let shown = SecretString::from("");
    assert!(closed.check(&Caller::local(), Action::Manage, Some(&shown)).is_err());
}

#[test]
fn a_client_with_a_token_is_written_down_by_its_name() {
    let caller = Caller { client: Some("ci".into()), ..Caller::local() };
    let open = Authorizer::new(AccessPolicy::default(), None, None);
    assert_eq!(open.check(&caller, Action::Manage, None).unwrap(), Actor::Client("ci".to_owned()));
}

#[test]
fn the_admin_scope_opens_as_the_token_does() {
    let policy = AccessPolicy { admin_required: true, ..AccessPolicy::default() };
    let token = SecretString::from("s3cret");
    let closed = Authorizer::new(policy, Some(token.clone()), Some("mcp:admin".to_owned()));
    let with = |scopes: &[&str]| Caller {
        subject: Some("alice".into()),
        client: Some("agent".into()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    for scopes in [&[][..], &["mcp"], &["mcp:admins"], &["MCP:ADMIN"], &["mcp:use"]] {
        for action in [Action::Inspect, Action::Manage] {
            let refused = closed.check(&with(scopes), action, None).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::Unauthorized, "{scopes:?}");
        }
        let actor = closed.check(&with(scopes), Action::Manage, Some(&token)).unwrap();
        assert_eq!(actor, Actor::Client("agent".to_owned()));
    }
    let actor = closed.check(&with(&["mcp:use", "mcp:admin"]), Action::Manage, None).unwrap();
    assert_eq!(actor, Actor::Client("agent".to_owned()));
    // Where no scope is set, none opens.
    let unscoped = Authorizer::new(policy, Some(token), None);
    unscoped.check(&with(&["mcp:admin"]), Action::Manage, None).unwrap_err();
}
