//! What goes in and what comes out.

use dynamic_mcp::domain::execution::Returned;

use super::Bench;

pub(super) async fn arguments_come_in_and_a_value_goes_out(bench: &Bench) {
    let code = "return {upper: String(args.text).toUpperCase()}";
    let outcome = bench.run(code, r#"{"text":"hello"}"#).await;
    assert_eq!(outcome, Ok(Returned::Value(r#"{"upper":"HELLO"}"#.to_owned())));
}
